-- Accepts a run, or says which one already stands for this request.
-- KEYS: run, active run of (owner, space), idempotency key, audit of the owner, open runs
-- ARGV: run id, 'live'|'dry', request JSON, body hash, '1' if an idempotency key was given, its seconds to live, now (ms)
local run_id, kind, request, body_hash, has_key, key_ttl, now = unpack(ARGV)
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
local active = redis.call('HMGET', KEYS[2], 'run_id', 'kind')
if active[1] then
  if active[2] ~= kind then return { 'conflict', active[1] } end
  remember(active[1])
  return { 'joined', active[1] }
end
redis.call('HSET', KEYS[1], 'request', request, 'state', 'queued')
redis.call('HSET', KEYS[2], 'run_id', run_id, 'kind', kind)
redis.call('ZADD', KEYS[5], now, run_id)
remember(run_id)
redis.call('XADD', KEYS[4], '*', 'kind', 'accepted', 'time', now, 'run', run_id, 'mode', kind)
return { 'created', run_id }
