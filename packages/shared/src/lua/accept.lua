-- Accepts a run, or says which one already stands for this request.
-- KEYS: run, active run of (owner, space), idempotency key, audit of the owner, open runs, events of the run, runs of the owner,
--       runs of all
-- ARGV: run id, 'live'|'dry', request JSON, body hash, '1' if an idempotency key was given, its seconds to live, now (ms), seconds
--       to keep the run among those that are listed, then the event: how many are kept, its kind, its data
local run_id, kind, request, body_hash, has_key, key_ttl, now, listed, kept, event, data = unpack(ARGV)
if has_key == '1' then
  local seen = redis.call('HMGET', KEYS[3], 'body_hash', 'run_id')
  if seen[1] then
    if seen[1] == body_hash then return { 'replayed', seen[2] } end
    return { 'mismatch', seen[2] }
  end
end
local function remember(id)
  if has_key == '1' then
    redis.call('HSET', KEYS[3], 'body_hash', body_hash, 'run_id', id)
    redis.call('EXPIRE', KEYS[3], key_ttl)
  end
end
local active = redis.call('HMGET', KEYS[2], 'run_id', 'kind', 'ending')
if active[1] then
  if active[2] ~= kind then return { 'conflict', active[1] } end
  -- Nobody's request is to become a run that was told to stop before it.
  if active[3] then return { 'ending', active[1] } end
  remember(active[1])
  return { 'joined', active[1] }
end
redis.call('HSET', KEYS[1], 'request', request, 'state', 'queued')
redis.call('HSET', KEYS[2], 'run_id', run_id, 'kind', kind)
redis.call('ZADD', KEYS[5], now, run_id)
local lists = { KEYS[7], KEYS[8] }
for _, list in ipairs(lists) do redis.call('ZADD', list, now, run_id) end
-- Once a day for each owner: what is too old goes, and both lists are kept a day longer than their last entry.
if redis.call('TTL', KEYS[7]) < tonumber(listed) then
  local oldest = string.format('%.0f', tonumber(now) - tonumber(listed) * 1000)
  for _, list in ipairs(lists) do
    redis.call('ZREMRANGEBYSCORE', list, '-inf', '(' .. oldest)
    redis.call('EXPIRE', list, listed + 86400)
  end
end
remember(run_id)
redis.call('XADD', KEYS[4], '*', 'kind', 'accepted', 'time', now, 'run', run_id, 'mode', kind)
redis.call('XADD', KEYS[6], 'MAXLEN', kept, '*', 'kind', event, 'data', data)
return { 'created', run_id }
