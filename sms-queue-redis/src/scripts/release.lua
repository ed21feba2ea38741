-- Returns leased entries: moves them to a consumer that no process reads as, from which the next
-- pull takes first.
--
-- KEYS: the stream of each lane, then the stream of the bell.
-- ARGV: group, the consumer that holds returned entries, then for each lane the number of its
--       entries, and each entry with the number of its hand-outs.
local group, returned = ARGV[1], ARGV[2]
local at, any = 3, false
for lane = 1, 3 do
  local stream = KEYS[lane]
  local count = tonumber(ARGV[at])
  local claim = {'XCLAIM', stream, group, returned, 0}
  for i = 1, count do
    local entry, handouts = ARGV[at + 2 * i - 1], tonumber(ARGV[at + 2 * i])
    local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1)
    if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
    local held = pending[1]
    -- Only the same hand-out: after the lease has ended, another process may hold the entry.
    if held and held[2] ~= returned and held[4] % 65536 == handouts then
      claim[#claim + 1] = entry
    end
  end
  if #claim > 5 then
    claim[#claim + 1] = 'JUSTID'
    redis.call(unpack(claim))
    any = true
  end
  at = at + 2 * count + 1
end
-- Moving an entry does not wake a pull that waits for a new entry, so the bell gets a new one.
if any then redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'r', '') end
return redis.status_reply('OK')
