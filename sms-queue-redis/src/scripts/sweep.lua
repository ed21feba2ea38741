-- Forgets the consumers of processes that ended long ago. One that holds a lease stays: deleting it would lose the lease.
--
-- KEYS: the stream of each lane. ARGV: group, this consumer, the consumer that holds what was given back, the idle time
-- in milliseconds.
-- Returns how many were forgotten.
local group, forgotten = ARGV[1], 0
for _, stream in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
  for _, info in ipairs(consumers) do
    local named = {}
    for i = 1, #info, 2 do named[info[i]] = info[i + 1] end
    local name = named['name']
    local spared = name == ARGV[2] or name == ARGV[3]
    if not spared and named['pending'] == 0 and named['idle'] >= tonumber(ARGV[4]) then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
      forgotten = forgotten + 1
    end
  end
end
return forgotten
