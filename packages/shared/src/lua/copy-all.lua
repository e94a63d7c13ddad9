-- Every key of ours at one moment, since nobody writes while a script runs.
-- KEYS: none                       ARGV: pattern of our keys, then the prefixes of those that are left out
-- Returns: now (ms), then for each key its name, when it expires (ms; 0: never), and what DUMP says of it
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local copy = { string.format('%.0f', now) }
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local is_left_out = false
  for at = 2, #ARGV do
    if string.sub(key, 1, #ARGV[at]) == ARGV[at] then is_left_out = true end
  end
  if not is_left_out then
    local ttl = redis.call('PTTL', key)
    copy[#copy + 1] = key
    copy[#copy + 1] = ttl < 0 and '0' or string.format('%.0f', now + ttl)
    copy[#copy + 1] = redis.call('DUMP', key)
  end
end
return copy
