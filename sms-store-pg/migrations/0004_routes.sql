-- The route that a message takes: only a worker that serves this route begins it. Stored with the message, and again
-- with its state, so that `begin` reads it without the message. A constant default changes no row.
ALTER TABLE messages ADD COLUMN route text COLLATE "C" NOT NULL DEFAULT 'default';
ALTER TABLE states   ADD COLUMN route text COLLATE "C" NOT NULL DEFAULT 'default';
-- What is due is claimed route by route.
CREATE INDEX IF NOT EXISTS states_due_by_route ON states (route, lane, push_at) WHERE status = 0;
DROP INDEX states_due;
-- A program that does not know routes would send a message of any route through its one provider.
UPDATE schema_info SET usable_from = 4;
