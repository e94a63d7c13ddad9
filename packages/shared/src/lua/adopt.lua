-- Takes up a vote of ours that the hub has and the ledger does not know, as cast, in place of what the caller saw there.
-- KEYS: ledger entry, audit of the voter
-- ARGV: state and vote id that stand there, or '' and '', run id, vote id, intent JSON, the message's timestamp (s), now (ms); from
--       the 8th on the audit entry, names and values                                  Returns: 1 if it was taken up
local state, seen, run_id, vote_id, intent, created, now = unpack(ARGV)
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id', 'run_id', 'reserved_at')
-- The very same command again, since its reply was lost.
if entry[1] == 'cast' and entry[2] == vote_id and entry[3] == run_id and entry[4] == now then return 1 end
if (entry[1] or '') ~= state or (entry[2] or '') ~= seen then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'state', 'cast', 'run_id', run_id, 'vote_id', vote_id, 'intent', intent, 'created', created,
  'reserved_at', now, 'settled_at', now)
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 8))
return 1
