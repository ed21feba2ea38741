-- Parts of a message with a provider id each, as JSON; NULL for a message that has one id or none, which is nearly every one.
-- The ids of the further parts are also in `aliases`, by which receipts find the message.
ALTER TABLE messages ADD COLUMN provider_parts TEXT;
-- A program that does not know parts would call a message delivered as soon as one of them is.
UPDATE schema_info SET usable_from = 4;
