-- The earlier message that a message sends again, with the reason, as JSON; NULL for nearly every one.
-- A program that does not know the column writes and reads messages as before.
ALTER TABLE messages ADD COLUMN resend TEXT;
CREATE INDEX messages_resend ON messages (resend ->> 'of', id) WHERE resend IS NOT NULL;
