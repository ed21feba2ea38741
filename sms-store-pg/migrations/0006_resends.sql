-- The earlier message that a message sends again, with the reason, as JSON; NULL for nearly every one. No default, so no row
-- changes. A program that does not know the column writes and reads messages as before.
ALTER TABLE messages ADD COLUMN resend text;
CREATE INDEX messages_resend ON messages ((resend::json ->> 'of'), id) WHERE resend IS NOT NULL;
