-- The cost of a message in millionths, once the provider has told it.
ALTER TABLE messages ADD COLUMN cost INTEGER;
-- What the receipts that wait say about it.
ALTER TABLE parked ADD COLUMN cost INTEGER;
ALTER TABLE parked ADD COLUMN cost_later INTEGER;
-- Messages that ended and have a cost to be asked for at `poll_at`: none of those with a cost in their receipt.
CREATE INDEX messages_cost ON messages (route, poll_at) WHERE status IN (3, 4) AND poll_at IS NOT NULL;
-- A program that does not know costs would not count them, and could not read a series with one.
UPDATE schema_info SET usable_from = 10;
