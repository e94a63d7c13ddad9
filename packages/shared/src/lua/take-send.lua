-- Takes one send out of what an upstream allows, or says how long there is none. Never more than the rate in any minute: a
-- quarter of it may go at once, the rest comes back evenly. Who comes in vain gets a turn: the time at which a send comes back that
-- nobody before it was given; it gives no right, whoever comes first takes what there is. Below eight a minute one goes at a time: there
-- who comes late delays those behind, who may come in vain once more.
-- KEYS: sends, gate of the same upstream
-- ARGV: sends a minute, what a gate's key outlives its pause by (ms), '1' to take, '0' to look, for how long a turn is waited for (ms)
-- Returns: for how many ms none may be taken, 0 if one may; in how many ms the turn is, -1 if none was given. The clock is this
-- Redis', one for all who ask.
-- Clocks round: who came a moment before its turn would be sent behind all others.
local MOMENT = 5
local rate, memory, take, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local burst = math.max(1, math.floor(rate / 4))
local interval = 60000 / math.max(1, rate - burst)
local kept = redis.call('GET', KEYS[1]) or ''
-- The time at which all that was taken would have come back, and the last turn that was given.
local full = math.max(now, tonumber(string.match(kept, '^%S+') or '0'))
local last = tonumber(string.match(kept, ' (%S+)$') or '0')

local function keep()
  local ends = math.max(full, last) - now
  redis.call('SET', KEYS[1], string.format('%.3f %.3f', full, last), 'PX', math.ceil(ends) + 1000)
end

local shut = redis.call('PTTL', KEYS[2]) - memory
-- What is kept has three digits: a thousandth is no wait.
local wait = math.max(shut, math.ceil(full - now - (burst - 1) * interval - 0.01))
if wait <= 0 then
  if take then
    full = full + interval
    keep()
  end
  return { 0, 0 }
end
local turn = math.max(now + wait, last + interval)
if turn - now > patience then return { wait, -1 } end
last = turn
keep()
return { wait, math.ceil(turn - now) + MOMENT }
