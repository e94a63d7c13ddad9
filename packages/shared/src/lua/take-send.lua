-- Takes one send out of what an upstream allows, or says how long there is none. Never more than the rate in any minute: a
-- quarter of it may go at once, the rest comes back evenly.
-- KEYS: sends, gate of the same upstream
-- ARGV: sends a minute, what a gate's key outlives its pause by (ms), '1' to take, '0' to look
-- Returns: 0, or for how many ms none may be taken. The clock is this Redis', one for all who ask.
local rate, memory, take = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local shut = redis.call('PTTL', KEYS[2]) - memory
if shut > 0 then return shut end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local burst = math.max(1, math.floor(rate / 4))
local interval = 60000 / math.max(1, rate - burst)
-- The time at which all that was taken would have come back.
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local wait = math.ceil(full - now - (burst - 1) * interval)
if wait > 0 then return wait end
if take then
  local ends = full + interval
  redis.call('SET', KEYS[1], string.format('%.3f', ends), 'PX', math.ceil(ends - now) + 1000)
end
return 0
