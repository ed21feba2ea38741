-- Gives leased entries back: to a consumer that is nobody, from which the next pull takes before all else.
--
-- KEYS: the stream of each lane, then the bell.
-- ARGV: group, the consumer that holds what was given back, then for each lane the number of its entries, and each
--       entry with the number of its hand-outs.
local group, returned = ARGV[1], ARGV[2]
local at, any = 3, false
for lane = 1, 3 do
  local stream = KEYS[lane]
  local count = tonumber(ARGV[at])
  local claim = {'XCLAIM', stream, group, returned, 0}
  for i = 1, count do
    local entry, handouts = ARGV[at + 2 * i - 1], tonumber(ARGV[at + 2 * i])
    local lent = redis.pcall('XPENDING', stream, group, entry, entry, 1)
    if lent.err and not string.find(lent.err, 'NOGROUP', 1, true) then return lent end
    lent = lent[1]
    -- Only this very hand-out: one that ended may be somebody else's by now.
    if lent and lent[2] ~= returned and lent[4] % 65536 == handouts then claim[#claim + 1] = entry end
  end
  if #claim > 5 then
    claim[#claim + 1] = 'JUSTID'
    redis.call(unpack(claim))
    any = true
  end
  at = at + 2 * count + 1
end
-- A change of hands wakes nobody who waits for a new entry, so there is one on the bell.
if any then redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'r', '') end
return redis.status_reply('OK')
