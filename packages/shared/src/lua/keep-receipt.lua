-- Keeps the sequencer's receipt of a vote that is not yet read back, so that a crash does not lose it.
-- KEYS: ledger entry, audit of the voter   ARGV: vote id, receipt JSON; from the 3rd on the audit entry, names and values
-- Returns: 1 if it was kept
local vote_id, receipt = unpack(ARGV)
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id')
if entry[1] ~= 'reserved' or entry[2] ~= vote_id then return 0 end
redis.call('HSET', KEYS[1], 'receipt', receipt)
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
return 1
