-- Begins an attempt at a delivery: once at a time, for each owner a few at a time, and never one that has ended.
-- KEYS: delivery, what is being sent for the owner, what is pending of the owner, what is undelivered of all
-- ARGV: delivery id, owner, notice JSON, now (ms), how long an attempt may take (ms), most at a time, seconds to keep it
-- Returns: go, attempt, when it was first begun | busy | ended, state
local id, owner, notice, now, lease, most, keep = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if state and state ~= 'pending' then return { 'ended', state } end
-- One whose process died ends by its time.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZSCORE', KEYS[2], id) or redis.call('ZCARD', KEYS[2]) >= tonumber(most) then return { 'busy' } end
redis.call('ZADD', KEYS[2], string.format('%.0f', tonumber(now) + tonumber(lease)), id)
redis.call('PEXPIRE', KEYS[2], lease)
if not state then
  redis.call('HSET', KEYS[1], 'id', id, 'owner', owner, 'notice', notice, 'state', 'pending', 'created_at', now)
  redis.call('EXPIRE', KEYS[1], keep)
  local oldest = string.format('%.0f', tonumber(now) - tonumber(keep) * 1000)
  for _, index in ipairs({ KEYS[3], KEYS[4] }) do
    redis.call('ZREMRANGEBYSCORE', index, '-inf', oldest)
    redis.call('ZADD', index, now, id)
  end
end
local attempt = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
return { 'go', tostring(attempt), redis.call('HGET', KEYS[1], 'created_at') }
