-- Puts one field in the place of many, once a run has ended well. Nothing is lost by it: where any of them is not what was packed, or the
-- run is open or has failed, it stays as it is.
-- KEYS: run
-- ARGV: what was packed; then for each field: its name, SHA-1 of its value
-- Returns: 1 if it was packed
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'completed' and state ~= 'cancelled' then return 0 end
if redis.call('HEXISTS', KEYS[1], 'packed') == 1 then return 0 end
local names = {}
for at = 2, #ARGV, 2 do names[#names + 1] = ARGV[at] end
local values = redis.call('HMGET', KEYS[1], unpack(names))
for at = 1, #names do
  if not values[at] or redis.sha1hex(values[at]) ~= ARGV[2 * at + 1] then return 0 end
end
redis.call('HSET', KEYS[1], 'packed', ARGV[1])
redis.call('HDEL', KEYS[1], unpack(names))
return 1
