-- Secrets in the registry are encrypted (the secret part of the address for callbacks): programs of before stop at one that they cannot
-- read. No table changes.
UPDATE schema_info SET usable_from = 11;
