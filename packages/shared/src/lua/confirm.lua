-- What became of a reserved vote: cast, or voided. The first word on an intent stands. A revision that is voided leads back to the
-- vote that it was to replace, which still stands; its intent is kept, since the next one is dated after it, and where it or a revision
-- before it was sent its id and its run are: either may arrive yet, and is looked for under the id of the last.
-- KEYS: ledger entry, audit of the voter
-- ARGV: vote id, 'cast'|'voided', receipt JSON or '', why or '', now (ms), '1': only if it was never sent; from the 7th on the audit
--       entry, names and values
-- Returns: the state that stands, 1 if it was settled now
local vote_id, state, receipt, why, now, only_unsent = unpack(ARGV)
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id')
if entry[2] ~= vote_id then return { 'superseded', 0 } end
if entry[1] ~= 'reserved' then return { entry[1], 0 } end
if only_unsent == '1' and redis.call('HEXISTS', KEYS[1], 'sends') == 1 then return { 'reserved', 0 } end
local replaced = redis.call('HGET', KEYS[1], 'replaces')
if state == 'voided' and replaced then
  local intent, cap, run_id, sends, sent_before =
    unpack(redis.call('HMGET', KEYS[1], 'intent', 'cap', 'run_id', 'sends', 'voided_vote'))
  redis.call('DEL', KEYS[1])
  for field, value in pairs(cjson.decode(replaced)) do redis.call('HSET', KEYS[1], field, value) end
  redis.call('HSET', KEYS[1], 'voided_intent', intent)
  if cap then redis.call('HSET', KEYS[1], 'voided_cap', cap) end
  if sends or sent_before then redis.call('HSET', KEYS[1], 'voided_vote', vote_id, 'voided_run', run_id) end
else
  redis.call('HSET', KEYS[1], 'state', state, 'settled_at', now)
  redis.call('HDEL', KEYS[1], 'replaces', 'sent_at', 'told')
  if state == 'cast' then
    redis.call('HDEL', KEYS[1], 'sent_before', 'voided_intent', 'voided_cap', 'voided_vote', 'voided_run')
  end
  if receipt ~= '' then redis.call('HSET', KEYS[1], 'receipt', receipt) end
  if why ~= '' then redis.call('HSET', KEYS[1], 'why', why) end
end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 7))
return { state, 1 }
