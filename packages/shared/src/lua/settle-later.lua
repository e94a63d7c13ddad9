-- What became of a vote after its run had ended. A run that is kept no more is not made anew by it, and of a secret vote the first
-- word on how it counted stands.
-- KEYS: run, ledger entry, audit of the voter
-- ARGV: field of the run, record JSON, vote id, 'as_cast'|'different' or ''; from the 5th on the audit entry, names and values
-- Returns: how the vote counted, as far as the ledger knows
local field, record, vote_id, counted = unpack(ARGV)
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], field, record) end
local entry = redis.call('HMGET', KEYS[2], 'vote_id', 'counted')
if entry[1] ~= vote_id then return 'unknown' end
if entry[2] then return entry[2] end
if counted == '' then return 'unknown' end
redis.call('HSET', KEYS[2], 'counted', counted)
redis.call('XADD', KEYS[3], '*', unpack(ARGV, 5))
return counted
