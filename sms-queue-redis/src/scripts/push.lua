-- Adds ids to their lanes, up to the capacity, except those that are there already.
--
-- KEYS: the stream of each lane, then the hash of each lane: message id -> entry.
-- ARGV: group, capacity, then for each lane the number of its ids and the ids.
local group, capacity = ARGV[1], tonumber(ARGV[2])

-- Returns true if entry id `a` is later than `b`.
local function later(a, b)
  local a_ms, a_seq = a:match('^(%d+)-(%d+)$')
  local b_ms, b_seq = b:match('^(%d+)-(%d+)$')
  a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
  return a_ms > b_ms or (a_ms == b_ms and tonumber(a_seq) > tonumber(b_seq))
end

-- Returns the last entry that was handed out; false without a group, because a new group hands out
-- everything. Cached, for it is asked for each id.
local delivered = {}
local function last_delivered(stream)
  if delivered[stream] == nil then
    delivered[stream] = false
    for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
      local named = {}
      for i = 1, #info, 2 do named[info[i]] = info[i + 1] end
      if named['name'] == group then delivered[stream] = named['last-delivered-id'] end
    end
  end
  return delivered[stream]
end

-- Returns true if this entry is leased or is going to be handed out. The hash alone is not trusted:
-- an id that is wrongly believed to be queued would never be sent.
local function is_queued(stream, entry)
  if #redis.call('XRANGE', stream, entry, entry) == 0 then return false end
  local last = last_delivered(stream)
  if not last or later(entry, last) then return true end
  if #redis.call('XPENDING', stream, group, entry, entry, 1) > 0 then return true end
  -- Handed out and not pending: an operator has deleted its consumer.
  redis.call('XDEL', stream, entry)
  return false
end

local at = 3
for lane = 1, 3 do
  local stream, held = KEYS[lane], KEYS[lane + 3]
  local count = tonumber(ARGV[at])
  if count > 0 then
    local length = redis.call('XLEN', stream)
    -- The stream may have been deleted, and then the hash is stale.
    if length == 0 then redis.call('UNLINK', held) end
    local entries = redis.call('HMGET', held, unpack(ARGV, at + 1, at + count))
    local added = {}
    for i = 1, count do
      if length >= capacity then break end
      if not (entries[i] and is_queued(stream, entries[i])) then
        local id = ARGV[at + i]
        added[#added + 1] = id
        added[#added + 1] = redis.call('XADD', stream, '*', 'i', id)
        length = length + 1
      end
    end
    if #added > 0 then redis.call('HSET', held, unpack(added)) end
  end
  at = at + count + 1
end
return redis.status_reply('OK')
