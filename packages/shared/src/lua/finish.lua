-- Ends an open run once: stores its response, frees (owner, space), lets the record expire, and makes or calls off the appointment
-- for the next one, all in one step: a run that comes after this one finds what this one left.
-- KEYS: run, active run of (owner, space), audit of the owner, open runs, appointments, events of the run, decided runs of the
--       owner, decided runs of all
-- ARGV: run id, final state, response JSON, now (ms), seconds to keep the record, field of the appointment, its JSON or '' for
--       none, channels of stops and of ends, seconds to keep the events, '1' if the response has decisions, how many may be open or '' for any,
--       then the event: how many are kept, its kind, its data
-- Returns: the final state that stands, and the run that may open in its place, or ''; 1 if it ended now; the appointment that
--       stood before, or '', and the one that stands now, or ''
local run_id, final, response, now, keep, field, appointment, stops, ends, keep_events, has_decisions, most,
  kept, event, data = unpack(ARGV)
-- Frees the run's place among the open ones, and says whose it is now. Each end gives one place to one run.
local function leave()
  local place = redis.call('ZRANK', KEYS[4], run_id)
  redis.call('ZREM', KEYS[4], run_id)
  if not place or most == '' or place >= tonumber(most) then return '' end
  return redis.call('ZRANGE', KEYS[4], most - 1, most - 1)[1] or ''
end
local state = redis.call('HGET', KEYS[1], 'state')
local appointed = redis.call('HGET', KEYS[5], field) or ''
if not state then return { 'missing', leave(), 0, '', appointed } end
if state ~= 'queued' and state ~= 'running' then return { state, '', 0, '', appointed } end
redis.call('HSET', KEYS[1], 'state', final, 'response', response, 'finished_at', now)
redis.call('EXPIRE', KEYS[1], keep)
-- A hold of this run may wait for longer.
local kept_until = redis.call('HGET', KEYS[1], 'kept_until')
if kept_until and tonumber(kept_until) > tonumber(now) / 1000 + tonumber(keep) then
  redis.call('EXPIREAT', KEYS[1], kept_until)
end
if redis.call('HGET', KEYS[2], 'run_id') == run_id then redis.call('DEL', KEYS[2]) end
redis.call('XADD', KEYS[3], '*', 'kind', 'finished', 'time', now, 'run', run_id, 'state', final)
-- Also where there is no stream: whoever watches waits for this one.
redis.call('XADD', KEYS[6], 'MAXLEN', kept, '*', 'kind', event, 'data', data)
redis.call('EXPIRE', KEYS[6], keep_events)
local opens = leave()
if has_decisions == '1' then
  local oldest = string.format('%.0f', tonumber(now) - tonumber(keep) * 1000)
  for _, index in ipairs({ KEYS[7], KEYS[8] }) do
    redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. oldest)
    redis.call('ZADD', index, now, run_id)
    redis.call('EXPIRE', index, keep)
  end
end
if appointment == '' then
  redis.call('HDEL', KEYS[5], field)
else
  redis.call('HSET', KEYS[5], field, appointment)
end
if final ~= 'completed' then redis.call('PUBLISH', stops, run_id) end
redis.call('PUBLISH', ends, run_id)
return { final, opens, 1, appointed, appointment }
