-- Holds a lease on, or lets go of it, if it is still one's own.
-- KEYS: lease   ARGV: token, ms to hold it from now on; 0 lets go   Returns: 1 if it was one's own
local token, ms = unpack(ARGV)
if redis.call('GET', KEYS[1]) ~= token then return 0 end
if tonumber(ms) > 0 then
  redis.call('PEXPIRE', KEYS[1], ms)
else
  redis.call('DEL', KEYS[1])
end
return 1
