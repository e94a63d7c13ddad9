-- What is said to a hold: approve, reject, or, at its deadline, expire. Compare and set: the first word stands.
-- KEYS: hold, ledger entry, open holds, standing hold, audit of the owner
-- ARGV: 'approve'|'reject'|'expire', hold id, sealed answer JSON or '', run id, proposal id, now (ms)
-- Returns: done | stands | late | early | under_way | missing, and the state that stands
local word, id, answer, run_id, proposal_id, now = unpack(ARGV)
local hold = redis.call('HMGET', KEYS[1], 'state', 'deadline')
local state, deadline = hold[1], tonumber(hold[2])
if not state then return { 'missing', '' } end
local late = tonumber(now) >= deadline
local becomes
if word == 'expire' then
  if state ~= 'waiting' and state ~= 'approved' then return { 'stands', state } end
  if not late then return { 'early', state } end
  becomes = 'expired'
elseif state ~= 'waiting' and not (state == 'failed' and word == 'approve') then
  return { 'stands', state }
elseif late then
  return { 'late', state }
elseif word == 'approve' then
  becomes = 'approved'
else
  -- What was sent cannot be taken back: it may be stored by now, or arrive yet, also where it was voided since.
  local vote = redis.call('HMGET', KEYS[2], 'state', 'run_id', 'sends', 'sent_before', 'voided_run')
  local sent = vote[1] == 'cast' or tonumber(vote[3] or '0') > 0 or vote[4]
  if (sent and vote[2] == run_id) or vote[5] == run_id then return { 'under_way', state } end
  becomes = 'rejected'
end
redis.call('HSET', KEYS[1], 'state', becomes)
if answer ~= '' then redis.call('HSET', KEYS[1], 'answer', answer) end
if becomes == 'approved' then
  redis.call('HDEL', KEYS[1], 'end', 'put_off')
  redis.call('ZADD', KEYS[3], hold[2], id)
else
  redis.call('ZREM', KEYS[3], id)
  if redis.call('GET', KEYS[4]) == KEYS[1] then redis.call('DEL', KEYS[4]) end
end
redis.call('XADD', KEYS[5], '*', 'kind', 'hold_' .. becomes, 'time', now, 'run', run_id, 'proposal', proposal_id, 'hold', id,
  'answer', answer)
return { 'done', becomes }
