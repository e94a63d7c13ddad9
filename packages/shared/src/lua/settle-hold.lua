-- What became of the vote of a hold. Only what is open is settled, but a vote that was read back is cast, whatever was said before.
-- 'waiting' is no end: voting resumed, and the owner is to be asked after all.
-- KEYS: hold, open holds, standing hold, audit of the owner
-- ARGV: hold id, 'cast'|'skipped'|'failed'|'expired'|'waiting', its end as JSON or '', why it waits or '', run id, proposal id,
--       now (ms)                                                                        Returns: the state that stands, 1 if it changed
local id, becomes, ending, why, run_id, proposal_id, now = unpack(ARGV)
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'missing', 0 } end
local open = state == 'waiting' or state == 'approved'
if becomes == 'waiting' then
  if state ~= 'waiting' or redis.call('HGET', KEYS[1], 'why') == why then return { state, 0 } end
  redis.call('HSET', KEYS[1], 'why', why)
else
  if state == 'cast' or not (open or becomes == 'cast') then return { state, 0 } end
  redis.call('HSET', KEYS[1], 'state', becomes, 'end', ending)
  redis.call('ZREM', KEYS[2], id)
  if redis.call('GET', KEYS[3]) == KEYS[1] then redis.call('DEL', KEYS[3]) end
end
redis.call('XADD', KEYS[4], '*', 'kind', 'hold_' .. becomes, 'time', now, 'run', run_id, 'proposal', proposal_id, 'hold', id,
  'why', why, 'end', ending)
return { becomes, 1 }
