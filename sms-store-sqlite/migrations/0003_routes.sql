-- The route that a message takes: only a worker that serves this route begins it. A constant default changes no row.
ALTER TABLE messages ADD COLUMN route TEXT NOT NULL DEFAULT 'default';
-- A program that does not know routes would send a message of any route through its one provider.
UPDATE schema_info SET usable_from = 3;
