-- The oldest migration a program must know to use this schema. A migration that a program of the release before could not live
-- with raises it; see README.md.
CREATE TABLE schema_info (usable_from bigint NOT NULL);
INSERT INTO schema_info VALUES (1);
