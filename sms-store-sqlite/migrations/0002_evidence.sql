-- When the last attempt of unknown outcome began: the time in which its receipts are to be looked for.
ALTER TABLE messages ADD COLUMN unknown_at INTEGER;
-- When the newest receipt was made, by the provider's clock: one that is older brings no news.
ALTER TABLE messages ADD COLUMN receipt_at INTEGER;
CREATE INDEX messages_unknown ON messages (unknown_at) WHERE unknown_at IS NOT NULL;
