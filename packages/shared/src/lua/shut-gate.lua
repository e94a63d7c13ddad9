-- Shuts a gate. Its key holds for how long it was shut (ms), and lives that long and the time of its memory on top.
-- KEYS: gate   ARGV: wanted (ms) or '', the first time without a wish (ms), the longest (ms), memory (ms)
-- Returns: for how long it is shut from now (ms)
local wanted, first, longest, memory = unpack(ARGV)
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1]) - memory
local ms = tonumber(wanted)
if not ms then
  if left > 0 then return left end
  ms = last > 0 and last * 2 or tonumber(first)
end
ms = math.min(ms, tonumber(longest))
if left >= ms then return left end
redis.call('SET', KEYS[1], ms, 'PX', ms + memory)
return ms
