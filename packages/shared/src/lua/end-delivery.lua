-- Notes how an attempt at a delivery ended: pending, and then when it is tried again, or delivered, dead or dropped for good. A
-- delivery that was never begun, or has ended, stays as it is.
-- KEYS: delivery, what is being sent for the owner, what is pending of the owner, what is undelivered of all,
--       those of the owner in the new state
-- ARGV: delivery id, new state, what went wrong or '', when it is tried again (ms) or '', now (ms), seconds to keep it
-- Returns: the state that stands, or missing
local id, becomes, why, again, now, keep = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'missing' end
if state ~= 'pending' then return state end
redis.call('ZREM', KEYS[2], id)
redis.call('HSET', KEYS[1], 'state', becomes, 'ended_at', now, 'why', why, 'again', again)
if becomes == 'pending' then return becomes end
redis.call('ZREM', KEYS[3], id)
redis.call('ZREM', KEYS[4], id)
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', string.format('%.0f', tonumber(now) - tonumber(keep) * 1000))
redis.call('ZADD', KEYS[5], now, id)
redis.call('EXPIRE', KEYS[1], keep)
return becomes
