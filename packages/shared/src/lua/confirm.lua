-- What became of a reserved vote: cast, or voided. The first word on an intent stands.
-- KEYS: ledger entry, audit of the voter
-- ARGV: vote id, 'cast'|'voided', receipt JSON or '', why or '', run id, proposal id, now (ms)   Returns: the state that stands
local vote_id, state, receipt, why, run_id, proposal_id, now = unpack(ARGV)
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id')
if entry[2] ~= vote_id then return 'superseded' end
if entry[1] ~= 'reserved' then return entry[1] end
redis.call('HSET', KEYS[1], 'state', state, 'settled_at', now)
if receipt ~= '' then redis.call('HSET', KEYS[1], 'receipt', receipt) end
if why ~= '' then redis.call('HSET', KEYS[1], 'why', why) end
redis.call('XADD', KEYS[2], '*', 'kind', state, 'time', now, 'run', run_id, 'proposal', proposal_id, 'vote', vote_id,
  'receipt', receipt, 'why', why)
return state
