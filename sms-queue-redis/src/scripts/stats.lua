-- Counts the entries of each lane.
--
-- KEYS: the stream of each lane.
-- ARGV: group, the consumer that holds returned entries.
-- Returns for each lane: entries, leased entries, the age in milliseconds of the oldest ready
-- entry, or -1.
local group, returned = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function age(entry)
  return math.max(0, now - tonumber(string.match(entry, '^%d+')))
end

local function last_delivered(stream)
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local named = {}
    for i = 1, #info, 2 do named[info[i]] = info[i + 1] end
    if named['name'] == group then return named['last-delivered-id'] end
  end
end

local reply = {}
for _, stream in ipairs(KEYS) do
  local length, leased, oldest = redis.call('XLEN', stream), 0, -1
  local pending = redis.pcall('XPENDING', stream, group)
  local from = '-'
  if pending.err then
    if not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
  else
    leased = pending[1]
    for _, consumer in ipairs(pending[4] or {}) do
      if consumer[1] == returned then
        leased = leased - tonumber(consumer[2])
        oldest = age(redis.call('XPENDING', stream, group, '-', '+', 1, returned)[1][1])
      end
    end
    from = '(' .. last_delivered(stream)
  end
  local new = redis.call('XRANGE', stream, from, '+', 'COUNT', 1)[1]
  if new then oldest = math.max(oldest, age(new[1])) end
  reply[#reply + 1] = length
  reply[#reply + 1] = leased
  reply[#reply + 1] = oldest
end
return reply
