-- Keeps the sequencer's receipt of a vote that is not yet read back, so that a crash does not lose it. The very same command may come
-- twice, as in may-send.lua.
-- KEYS: ledger entry, audit of the voter   ARGV: vote id, receipt JSON; from the 3rd on the audit entry, names and values
-- Returns: 1 if it was kept
local vote_id, receipt = unpack(ARGV)
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id')
if entry[1] ~= 'reserved' or entry[2] ~= vote_id then return 0 end
local call, told = redis.sha1hex(table.concat(ARGV, ' ', 3)), redis.call('HGET', KEYS[1], 'told') or ''
if string.find(told, call, 1, true) then return 1 end
redis.call('HSET', KEYS[1], 'receipt', receipt, 'told', string.sub(call .. told, 1, 400))
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
return 1
