-- Ends an open run once: stores its response, frees (owner, space), lets the record expire, and makes or calls off the appointment
-- for the next one, all in one step: a run that comes after this one finds what this one left.
-- KEYS: run, active run of (owner, space), audit of the owner, open runs, appointments
-- ARGV: run id, final state, response JSON, now (ms), seconds to keep the record, field of the appointment, its JSON or '' for
--       none, channel of stops                                                     Returns: the final state that stands
local run_id, final, response, now, keep, field, appointment, stops = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  redis.call('ZREM', KEYS[4], run_id)
  return 'missing'
end
if state ~= 'queued' and state ~= 'running' then return state end
redis.call('HSET', KEYS[1], 'state', final, 'response', response, 'finished_at', now)
redis.call('EXPIRE', KEYS[1], keep)
if redis.call('HGET', KEYS[2], 'run_id') == run_id then redis.call('DEL', KEYS[2]) end
redis.call('XADD', KEYS[3], '*', 'kind', 'finished', 'time', now, 'run', run_id, 'state', final)
redis.call('ZREM', KEYS[4], run_id)
if appointment == '' then
  redis.call('HDEL', KEYS[5], field)
else
  redis.call('HSET', KEYS[5], field, appointment)
end
if final ~= 'completed' then redis.call('PUBLISH', stops, run_id) end
return final
