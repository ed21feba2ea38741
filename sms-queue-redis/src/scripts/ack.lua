-- Removes entries for good, whichever consumer holds them, so that a stream holds only entries that
-- are ready or leased.
--
-- KEYS: the stream of each lane, then the hash of each lane: message id -> entry.
-- ARGV: group, then for each lane the number of its entries, the entries, and their ids.
local group = ARGV[1]
local at = 2
for lane = 1, 3 do
  local stream, held = KEYS[lane], KEYS[lane + 3]
  local count = tonumber(ARGV[at])
  if count > 0 then
    local first, last = at + 1, at + count
    local deleted = redis.call('XDEL', stream, unpack(ARGV, first, last))
    redis.call('XACK', stream, group, unpack(ARGV, first, last))
    if deleted == count then
      redis.call('HDEL', held, unpack(ARGV, first + count, last + count))
    else
      -- Some were acked before, and their ids may have been pushed again since: those new entries
      -- must stay.
      for i = first, last do
        local id = ARGV[i + count]
        if redis.call('HGET', held, id) == ARGV[i] then redis.call('HDEL', held, id) end
      end
    end
  end
  at = at + 2 * count + 1
end
return redis.status_reply('OK')
