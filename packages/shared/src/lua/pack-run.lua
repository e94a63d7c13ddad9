-- Puts one field in the place of many, once a run has ended well. Nothing is lost by it: where any of them is not what was packed, or the
-- run is open or has failed, it stays as it is.
-- KEYS: run
-- ARGV: what was packed; then for each field: its name, SHA-1 of its value
-- Returns: 1 if it was packed
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'completed' and state ~= 'cancelled' then return 0 end
if redis.call('HEXISTS', KEYS[1], 'packed') == 1 then return 0 end
for at = 2, #ARGV, 2 do
  local value = redis.call('HGET', KEYS[1], ARGV[at])
  if not value or redis.sha1hex(value) ~= ARGV[at + 1] then return 0 end
end
redis.call('HSET', KEYS[1], 'packed', ARGV[1])
for at = 2, #ARGV, 2 do redis.call('HDEL', KEYS[1], ARGV[at]) end
return 1
