-- Starts a queued run; a run that has started keeps its time, one that ended stays ended.
-- KEYS: run   ARGV: now (ms)   Returns: state, started_at
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'missing', '' } end
if state == 'queued' then
  redis.call('HSET', KEYS[1], 'state', 'running', 'started_at', ARGV[1])
  state = 'running'
end
return { state, redis.call('HGET', KEYS[1], 'started_at') or '' }
