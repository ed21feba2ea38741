-- Every step of a message writes an entry in each index that holds it. What waits or is being sent goes through most of its
-- steps there, and the indexes of what is due or has a lease find it, too; so these two hold what is past that.
CREATE INDEX IF NOT EXISTS states_by_status  ON states (status, id)         WHERE status > 1;
-- Counts are read off this index alone, but for those of what is not past that.
CREATE INDEX IF NOT EXISTS states_by_created ON states (created_at, status) WHERE status > 1;
DROP INDEX states_status, states_created;
