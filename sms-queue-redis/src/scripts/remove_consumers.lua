-- Removes the consumers of processes that ended long ago. A consumer that holds a lease stays,
-- because removing it would lose the leased entry.
--
-- KEYS: the stream of each lane.
-- ARGV: group, this consumer, the consumer that holds returned entries, the idle time in
--       milliseconds.
-- Returns the number of removed consumers.
local group, removed = ARGV[1], 0
for _, stream in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
  for _, info in ipairs(consumers) do
    local named = {}
    for i = 1, #info, 2 do named[info[i]] = info[i + 1] end
    local name = named['name']
    local is_needed = name == ARGV[2] or name == ARGV[3]
    if not is_needed and named['pending'] == 0 and named['idle'] >= tonumber(ARGV[4]) then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
      removed = removed + 1
    end
  end
end
return removed
