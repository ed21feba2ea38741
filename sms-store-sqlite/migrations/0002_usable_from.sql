-- The oldest migration a program must know to use this file. A migration that a program of the release before could not live
-- with raises it; see README.md.
CREATE TABLE schema_info (usable_from INTEGER NOT NULL) STRICT;
INSERT INTO schema_info VALUES (1);
