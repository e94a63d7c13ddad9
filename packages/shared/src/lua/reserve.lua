-- May this vote be made? Stores the intent if there is none; the loser adopts what is stored.
-- KEYS: ledger entry, run, voting global, voting of the owner, daily cap, audit of the voter, hold, events of the run
-- ARGV: run id, vote id, intent JSON, the message's timestamp (s), now (ms), votes per day, seconds to keep the cap, version of the
--       preferences, id of our own vote that this one replaces or '', hold id or '', field of the run with the proposal's outcome,
--       then the event: how many are kept, its kind, its data; from the 15th on the audit entry, names and values
local run_id, vote_id, intent, created, now, cap, cap_ttl, preferences, replaces, hold_id, outcome, kept, event,
  data = unpack(ARGV)
-- Another delivery came to an outcome there. Asked first: what stands may be of a hold that came of it, and is not to be taken up.
if hold_id == '' and (redis.call('HEXISTS', KEYS[2], outcome) == 1 or redis.call('HEXISTS', KEYS[2], 'packed') == 1) then
  return { 'settled' }
end
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id')
if entry[1] == 'reserved' then return { 'adopted' } end
if entry[1] == 'cast' and (replaces == '' or entry[2] ~= replaces) then return { 'adopted' } end
if hold_id == '' then
  local run = redis.call('HMGET', KEYS[2], 'state', 'cancelled')
  if run[1] ~= 'running' or run[2] then return { 'cancelled' } end
else
  -- The run of a hold has ended. Its vote passes by the hold: approved, or held for a pause alone, and before its deadline.
  local hold = redis.call('HMGET', KEYS[7], 'state', 'why', 'deadline')
  if hold[1] ~= 'approved' and not (hold[1] == 'waiting' and hold[2] == 'voting_paused') then return { 'cancelled' } end
  if tonumber(now) >= tonumber(hold[3]) then return { 'expired' } end
end
if redis.call('GET', KEYS[3]) ~= 'enabled' or redis.call('GET', KEYS[4]) ~= 'enabled' then return { 'voting_paused' } end
-- A vote that is made anew because its intent was voided is the same vote of the day: a sequencer in maintenance uses up no cap.
local is_counted = (entry[1] == 'voided' and redis.call('HGET', KEYS[1], 'cap') == KEYS[5])
  or (entry[1] == 'cast' and redis.call('HGET', KEYS[1], 'voided_cap') == KEYS[5])
if not is_counted then
  if tonumber(redis.call('GET', KEYS[5]) or '0') >= tonumber(cap) then return { 'vote_cap' } end
  redis.call('INCR', KEYS[5])
  redis.call('EXPIRE', KEYS[5], cap_ttl)
end
-- What is replaced stands on the hub until this one does: a revision that is voided leads back to it.
if entry[1] == 'cast' then
  local before = redis.call('HGETALL', KEYS[1])
  local kept = {}
  for at = 1, #before, 2 do
    if before[at]:sub(1, 7) ~= 'voided_' then kept[before[at]] = before[at + 1] end
  end
  redis.call('HSET', KEYS[1], 'replaces', cjson.encode(kept))
end
-- What was sent before may arrive yet, also where this one is taken back unsent: its sweep looks for both.
if entry[1] == 'voided' and redis.call('HEXISTS', KEYS[1], 'sends') == 1 then
  redis.call('HSET', KEYS[1], 'sent_before', '1')
end
redis.call('HDEL', KEYS[1], 'receipt', 'why', 'settled_at', 'sends', 'counted', 'told')
redis.call('HSET', KEYS[1], 'state', 'reserved', 'run_id', run_id, 'vote_id', vote_id, 'intent', intent,
  'created', created, 'reserved_at', now, 'preferences_version', preferences, 'cap', KEYS[5])
redis.call('XADD', KEYS[6], '*', unpack(ARGV, 15))
-- The events of a hold's run have ended.
if hold_id == '' then
  redis.call('XADD', KEYS[8], 'NOMKSTREAM', 'MAXLEN', kept, '*', 'kind', event, 'data', data)
end
return { 'reserved' }
