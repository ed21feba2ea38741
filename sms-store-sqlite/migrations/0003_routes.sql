-- The route that a message takes: only a worker that serves this route begins it. A constant default changes no row.
ALTER TABLE messages ADD COLUMN route TEXT NOT NULL DEFAULT 'default';
-- What is due is claimed route by route. With the time of acceptance, so that what waits is counted without its rows.
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (route, lane, push_at, created_at) WHERE status = 0;
-- A program that does not know routes would send a message of any route through its one provider.
UPDATE schema_info SET usable_from = 3;
