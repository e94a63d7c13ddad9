-- Puts what was spent in the place of a hold, also of one whose time is over, and adds what the models did to the record of the run.
-- A hold that is not there changes nothing, so that a command that is sent twice charges once.
-- KEYS: run, then one hash per cap
-- ARGV: hold id, micro-dollars, seconds to keep the hashes, field of the run, usage (JSON)
-- Returns: 1 if the hold was there
local id, micros, keep, field, usage = unpack(ARGV)
local found = 0
for at = 2, #KEYS do
  if redis.call('HDEL', KEYS[at], 'hold:' .. id) == 1 then
    redis.call('HINCRBY', KEYS[at], 'spent', micros)
    redis.call('EXPIRE', KEYS[at], keep)
    found = 1
  end
end
-- A run whose record has expired is not begun anew.
if found == 1 and redis.call('EXISTS', KEYS[1]) == 1 then
  local before = redis.call('HGET', KEYS[1], field)
  if before then
    local sum, more = cjson.decode(before), cjson.decode(usage)
    for name, value in pairs(more) do
      -- What is unknown of a part is unknown of the whole.
      if value == cjson.null or sum[name] == cjson.null then sum[name] = cjson.null
      else sum[name] = sum[name] + value end
    end
    usage = cjson.encode(sum)
  end
  redis.call('HSET', KEYS[1], field, usage)
end
return found
