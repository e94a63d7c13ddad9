-- Starts a queued run, unless as many as may be open were accepted before it and are open still; one that is to stop only ends, and
-- need not wait for that. A run that has started keeps its time, one that ended stays ended.
-- KEYS: run, events of the run, open runs
-- ARGV: run id, how many may be open or '' for any, now (ms), the field of the settings that it keeps or '' for none, the settings,
--       then the event: how many are kept, its kind, its data
-- Returns: state, started_at
local run_id, most, now, settings_field, settings, kept, event, data = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'missing', '' } end
if state == 'queued' then
  local before = most ~= '' and redis.call('ZRANK', KEYS[3], run_id)
  if before and before >= tonumber(most) and redis.call('HEXISTS', KEYS[1], 'cancelled') == 0 then
    return { state, '' }
  end
  redis.call('HSET', KEYS[1], 'state', 'running', 'started_at', now)
  if settings_field ~= '' then redis.call('HSETNX', KEYS[1], settings_field, settings) end
  redis.call('XADD', KEYS[2], 'NOMKSTREAM', 'MAXLEN', kept, '*', 'kind', event, 'data', data)
  state = 'running'
end
return { state, redis.call('HGET', KEYS[1], 'started_at') or '' }
