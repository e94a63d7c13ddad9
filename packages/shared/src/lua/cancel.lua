-- Asks an open run to stop: what it has not reserved is not voted. Whoever works for it is told at once, and nobody joins it any more.
-- KEYS: run, active run of (owner, space), audit of the owner, events of the run
-- ARGV: run id, now (ms), channel of stops, then the event: how many are kept, its kind, its data
-- Returns: the state that stands
local run_id, now, stops, kept, event, data = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'missing' end
if state ~= 'queued' and state ~= 'running' then return state end
if redis.call('HSETNX', KEYS[1], 'cancelled', '1') == 1 then
  if redis.call('HGET', KEYS[2], 'run_id') == run_id then redis.call('HSET', KEYS[2], 'ending', '1') end
  redis.call('XADD', KEYS[3], '*', 'kind', 'cancelled', 'time', now, 'run', run_id)
  redis.call('XADD', KEYS[4], 'NOMKSTREAM', 'MAXLEN', kept, '*', 'kind', event, 'data', data)
end
redis.call('PUBLISH', stops, run_id)
return state
