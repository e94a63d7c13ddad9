-- May this vote be made? Stores the intent if there is none; the loser adopts what is stored.
-- KEYS: ledger entry, run, voting global, voting of the owner, daily cap, audit of the voter
-- ARGV: run id, proposal id, vote id, intent JSON, the message's timestamp (s), now (ms), votes per day, seconds to keep the
--       cap, evidence hash
local run_id, proposal_id, vote_id, intent, created, now, cap, cap_ttl, evidence = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'reserved' or state == 'cast' then return { 'adopted' } end
local run = redis.call('HMGET', KEYS[2], 'state', 'cancelled')
if run[1] ~= 'running' or run[2] then return { 'cancelled' } end
if redis.call('GET', KEYS[3]) ~= 'enabled' or redis.call('GET', KEYS[4]) ~= 'enabled' then return { 'voting_paused' } end
if tonumber(redis.call('GET', KEYS[5]) or '0') >= tonumber(cap) then return { 'vote_cap' } end
redis.call('INCR', KEYS[5])
redis.call('EXPIRE', KEYS[5], cap_ttl)
redis.call('HDEL', KEYS[1], 'receipt', 'why', 'settled_at', 'sends')
redis.call('HSET', KEYS[1], 'state', 'reserved', 'run_id', run_id, 'vote_id', vote_id, 'intent', intent,
  'created', created, 'reserved_at', now)
redis.call('XADD', KEYS[6], '*', 'kind', 'reserved', 'time', now, 'run', run_id, 'proposal', proposal_id, 'vote', vote_id,
  'evidence', evidence)
return { 'reserved' }
