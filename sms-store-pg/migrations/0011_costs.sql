-- The cost of a message in millionths, once the provider has told it. No default, so no row changes.
ALTER TABLE states ADD COLUMN cost bigint;
-- What the receipts that wait say about it.
ALTER TABLE parked ADD COLUMN cost bigint, ADD COLUMN cost_later boolean;
-- Messages that ended and have a cost to be asked for at `poll_at`: none of those with a cost in their receipt.
CREATE INDEX IF NOT EXISTS states_cost ON states (route, poll_at) WHERE status IN (3, 4) AND poll_at IS NOT NULL;
-- A program that does not know costs would not count them, and could not read a series with one.
UPDATE schema_info SET usable_from = 11;
