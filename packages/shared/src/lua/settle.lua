-- Settles a proposal of a live run, once. Where it is held the hold is made in the same step; a hold of an earlier run that still
-- waits for the same vote is superseded by that, and by a vote that stands.
-- KEYS: run, hold, standing hold of (owner, space, proposal), holds of the owner, holds of all, open holds, audit of the owner,
--       text of the proposal, evidence, events of the run
-- ARGV: run id, proposal id, outcome JSON, '1' if it supersedes what waits, hold id, what is held as JSON or '', why, deadline
--       (ms), seconds to keep a hold after it, now (ms), then the event: how many are kept, its kind, its data
-- Returns: 1 if it was settled now, else 0; the outcome JSON that stands; 1 if an earlier hold was superseded, else 0. Nothing where the
-- run is packed: an outcome stands there
local run_id, proposal_id, outcome, supersedes, id, subject, why, deadline, keep, now, kept_events, event, data = unpack(ARGV)
local field = 'outcome:' .. proposal_id
if redis.call('HEXISTS', KEYS[1], 'packed') == 1 then return false end
if redis.call('HSETNX', KEYS[1], field, outcome) == 0 then return { 0, redis.call('HGET', KEYS[1], field), 0 } end
local superseded = 0
redis.call('XADD', KEYS[10], 'NOMKSTREAM', 'MAXLEN', kept_events, '*', 'kind', event, 'data', data)
local earlier = supersedes == '1' and redis.call('GET', KEYS[3])
if earlier then
  local known = redis.call('HMGET', earlier, 'state', 'id')
  if known[1] == 'waiting' then
    superseded = 1
    redis.call('HSET', earlier, 'state', 'superseded')
    redis.call('ZREM', KEYS[6], known[2])
    redis.call('XADD', KEYS[7], '*', 'kind', 'hold_superseded', 'time', now, 'run', run_id, 'proposal', proposal_id,
      'hold', known[2])
  end
  redis.call('DEL', KEYS[3])
end
if subject == '' then return { 1, outcome, superseded } end
local until_s = math.ceil(tonumber(deadline) / 1000) + tonumber(keep)
redis.call('HSET', KEYS[2], 'id', id, 'subject', subject, 'state', 'waiting', 'why', why, 'deadline', deadline)
redis.call('EXPIREAT', KEYS[2], until_s)
redis.call('SET', KEYS[3], KEYS[2], 'EXAT', until_s)
local oldest = tonumber(now) - tonumber(keep) * 1000
for _, index in ipairs({ KEYS[4], KEYS[5], KEYS[6] }) do
  redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('%.0f', oldest))
  redis.call('ZADD', index, deadline, id)
end
-- The vote will be made by what the run found, and nobody knows when: nothing of it goes before the hold does.
local kept = tonumber(redis.call('HGET', KEYS[1], 'kept_until') or '0')
redis.call('HSET', KEYS[1], 'kept_until', string.format('%.0f', math.max(kept, until_s)))
for _, key in ipairs({ KEYS[1], KEYS[8], KEYS[9] }) do
  local left = redis.call('TTL', key)
  if left > 0 and left < until_s - tonumber(now) / 1000 then redis.call('EXPIREAT', key, until_s) end
end
redis.call('XADD', KEYS[7], '*', 'kind', 'held', 'time', now, 'run', run_id, 'proposal', proposal_id, 'hold', id, 'why', why)
return { 1, outcome, superseded }
