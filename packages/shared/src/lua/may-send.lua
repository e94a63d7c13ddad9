-- Asked before every send, a re-send too: voting is still enabled and this intent still stands.
-- KEYS: ledger entry, voting global, voting of the owner, audit of the voter
-- ARGV: vote id, run id, proposal id, now (ms)
local vote_id, run_id, proposal_id, now = unpack(ARGV)
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id')
if entry[1] ~= 'reserved' or entry[2] ~= vote_id then return 'settled' end
if redis.call('GET', KEYS[2]) ~= 'enabled' or redis.call('GET', KEYS[3]) ~= 'enabled' then return 'voting_paused' end
redis.call('HINCRBY', KEYS[1], 'sends', 1)
redis.call('XADD', KEYS[4], '*', 'kind', 'sending', 'time', now, 'run', run_id, 'proposal', proposal_id, 'vote', vote_id)
return 'yes'
