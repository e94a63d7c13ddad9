-- Asked before every send, a re-send too: voting is still enabled and this intent still stands. Where the reply is lost the client sends
-- the very same command again: each entry has a nonce, so its hash is that of one call, and those of the last ten are in `told`.
-- KEYS: ledger entry, voting global, voting of the owner, audit of the voter, hold or else run, events of the run
-- ARGV: vote id, hold id or '', field of the run with the proposal's outcome, now (ms), then the event: how many are kept, its kind,
--       its data; from the 8th on the audit entry, names and values
local vote_id, hold_id, outcome, now, kept, event, data = unpack(ARGV)
local entry = redis.call('HMGET', KEYS[1], 'state', 'vote_id')
if entry[1] ~= 'reserved' or entry[2] ~= vote_id then return 'settled' end
if hold_id ~= '' then
  -- Its owner may have rejected it, or its time run out, since it was reserved.
  local hold = redis.call('HGET', KEYS[5], 'state')
  if hold ~= 'approved' and hold ~= 'waiting' then return 'settled' end
elseif redis.call('HEXISTS', KEYS[5], outcome) == 1 or redis.call('HEXISTS', KEYS[5], 'packed') == 1 then
  -- Another delivery came to an outcome there, since this vote was reserved.
  return 'settled'
end
if redis.call('GET', KEYS[2]) ~= 'enabled' or redis.call('GET', KEYS[3]) ~= 'enabled' then return 'voting_paused' end
local call, told = redis.sha1hex(table.concat(ARGV, ' ', 8)), redis.call('HGET', KEYS[1], 'told') or ''
if string.find(told, call, 1, true) then return 'yes' end
redis.call('HSET', KEYS[1], 'told', string.sub(call .. told, 1, 400))
redis.call('HINCRBY', KEYS[1], 'sends', 1)
redis.call('HSETNX', KEYS[1], 'sent_at', now)
redis.call('XADD', KEYS[4], '*', unpack(ARGV, 8))
if hold_id == '' then
  redis.call('XADD', KEYS[6], 'NOMKSTREAM', 'MAXLEN', kept, '*', 'kind', event, 'data', data)
end
return 'yes'
