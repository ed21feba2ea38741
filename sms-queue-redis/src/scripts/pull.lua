-- Leases up to `max` ids: the first lane first; within a lane what was given back, then what is overdue, then what is new.
--
-- KEYS: the stream of each lane, then the bell.
-- ARGV: group, consumer, the consumer that holds what was given back, max, the lease in milliseconds or 0 for not
--       looking after overdue ones.
-- Returns for each lane a flat list of entry, number of its hand-outs, id; then, when nothing was leased, the last
-- entry of each key: one that is later is news.
local group, me, returned = ARGV[1], ARGV[2], ARGV[3]
local left, lease = tonumber(ARGV[4]), tonumber(ARGV[5])
local leased = {{}, {}, {}, {}}

local function keep(lane, entries, handouts)
  local list = leased[lane]
  for _, entry in ipairs(entries) do
    -- Redis 6.2 answers `false` for an entry that was deleted meanwhile.
    if entry then
      local id = entry[2] and entry[2][2]
      if id and #id == 16 then
        list[#list + 1] = entry[1]
        list[#list + 1] = handouts and handouts[entry[1]] or 1
        list[#list + 1] = id
        left = left - 1
      else
        -- No id of ours: nobody could do anything with it.
        redis.call('XDEL', KEYS[lane], entry[1])
        redis.call('XACK', KEYS[lane], group, entry[1])
      end
    end
  end
end

local function claim(lane, pending, skip)
  local entries, handouts = {}, {}
  for _, lent in ipairs(pending) do
    if lent[2] ~= skip then
      entries[#entries + 1] = lent[1]
      handouts[lent[1]] = lent[4] + 1
    end
  end
  if #entries > 0 then
    keep(lane, redis.call('XCLAIM', KEYS[lane], group, me, 0, unpack(entries)), handouts)
  end
end

for lane = 1, 3 do
  local stream = KEYS[lane]
  if left > 0 then
    local back = redis.pcall('XPENDING', stream, group, '-', '+', left, returned)
    if back.err and string.find(back.err, 'NOGROUP', 1, true) then
      -- The first pull ever, or everything was wiped. From 0: all that is in the stream is to be handed out.
      redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
      back = {}
    elseif back.err then
      return back
    end
    claim(lane, back)
  end
  if left > 0 and lease > 0 then
    claim(lane, redis.call('XPENDING', stream, group, 'IDLE', lease, '-', '+', left), returned)
  end
  if left > 0 then
    local new = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', left, 'STREAMS', stream, '>')
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
