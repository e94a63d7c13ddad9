-- Makes a delivery that was given up pending again, with all its attempts before it.
-- KEYS: delivery, dead ones of the owner, pending ones of the owner, what is undelivered of all
-- ARGV: delivery id, owner, now (ms), seconds to keep it
-- Returns: the state that it was in, or missing: also where it is another owner's
local id, owner, now, keep = unpack(ARGV)
local known = redis.call('HMGET', KEYS[1], 'state', 'owner')
if not known[1] or known[2] ~= owner then return 'missing' end
if known[1] ~= 'dead' then return known[1] end
redis.call('HSET', KEYS[1], 'state', 'pending', 'attempts', 0, 'again', now)
redis.call('EXPIRE', KEYS[1], keep)
redis.call('ZREM', KEYS[2], id)
redis.call('ZADD', KEYS[3], now, id)
redis.call('ZADD', KEYS[4], now, id)
return 'dead'
