-- Ends an open run once: stores its response, frees (owner, space), lets the record expire.
-- KEYS: run, active run of (owner, space), audit of the owner
-- ARGV: run id, final state, response JSON, now (ms), seconds to keep the record   Returns: the final state that stands
local run_id, final, response, now, keep = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'missing' end
if state ~= 'queued' and state ~= 'running' then return state end
redis.call('HSET', KEYS[1], 'state', final, 'response', response, 'finished_at', now)
redis.call('EXPIRE', KEYS[1], keep)
if redis.call('HGET', KEYS[2], 'run_id') == run_id then redis.call('DEL', KEYS[2]) end
redis.call('XADD', KEYS[3], '*', 'kind', 'finished', 'time', now, 'run', run_id, 'state', final)
return final
