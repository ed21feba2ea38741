-- Every step of a message writes an entry in each index that holds it. What waits or is being sent goes through most of its
-- steps there, and the indexes of what is due or has a lease find it, too; so these two hold what is past that.
DROP INDEX states_status;
DROP INDEX states_created;
CREATE INDEX states_status  ON states (status, id)         WHERE status > 1;
-- Counts are read off this index alone, but for those of what is not past that.
CREATE INDEX states_created ON states (created_at, status) WHERE status > 1;
