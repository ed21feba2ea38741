-- Leases up to `max` ids: the first lane first; within a lane returned entries, then overdue
-- entries, then new ones.
--
-- KEYS: the stream of each lane, then the stream of the bell.
-- ARGV: group, consumer, the consumer that holds returned entries, max, the length of a lease in
--       milliseconds, or 0 to ignore overdue entries.
-- Returns for each lane a flat list of entry, number of its hand-outs, id; then, if nothing was
-- leased, the last entry of each key, so that a pull can wait for a later one.
local group, me, returned = ARGV[1], ARGV[2], ARGV[3]
local left, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local leased = {{}, {}, {}, {}}

local function keep(lane, entries, handouts)
  local list = leased[lane]
  for _, entry in ipairs(entries) do
    -- Redis 6.2 answers `false` for a claimed entry that was deleted.
    if entry then
      local id = entry[2] and entry[2][2]
      if id and #id == 16 then
        list[#list + 1] = entry[1]
        list[#list + 1] = handouts and handouts[entry[1]] or 1
        list[#list + 1] = id
        left = left - 1
      else
        -- Not a message id: no worker could use it.
        redis.call('XDEL', KEYS[lane], entry[1])
        redis.call('XACK', KEYS[lane], group, entry[1])
      end
    end
  end
end

local function claim(lane, pending, skip)
  local entries, handouts = {}, {}
  for _, entry in ipairs(pending) do
    if entry[2] ~= skip then
      entries[#entries + 1] = entry[1]
      handouts[entry[1]] = entry[4] + 1
    end
  end
  if #entries > 0 then
    keep(lane, redis.call('XCLAIM', KEYS[lane], group, me, 0, unpack(entries)), handouts)
  end
end

for lane = 1, 3 do
  local stream = KEYS[lane]
  if left > 0 then
    local pending = redis.pcall('XPENDING', stream, group, '-', '+', left, returned)
    if pending.err and string.find(pending.err, 'NOGROUP', 1, true) then
      -- The first pull, or the group was lost. From 0, so that everything in the stream is handed
      -- out.
      redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
      pending = {}
    elseif pending.err then
      return pending
    end
    claim(lane, pending)
  end
  if left > 0 and lease > 0 then
    local pending = redis.call('XPENDING', stream, group, 'IDLE', lease, '-', '+', left)
    claim(lane, pending, returned)
  end
  if left > 0 then
    local new =
      redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', left, 'STREAMS', stream, '>')
    if new then keep(lane, new[1][2]) end
  end
end

if #leased[1] + #leased[2] + #leased[3] == 0 then
  for i, key in ipairs(KEYS) do
    local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    leased[4][i] = last and last[1] or '0-0'
  end
end
return leased
