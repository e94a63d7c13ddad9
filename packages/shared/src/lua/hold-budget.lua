-- Holds the worst case of what is about to be asked, under every cap or under none. A hold whose time is over counts as spent.
-- KEYS: one hash per cap
-- ARGV: hold id, its micro-dollars, now (ms), end of the hold (ms), seconds to keep the hashes, then one cap per hash (micro-dollars)
-- Returns: {'held'}, or {'over' or 'busy', which cap (from 1), spent, held}. busy: it would fit if nothing else were held
local id, micros, now, ends, keep = unpack(ARGV)
local field = 'hold:' .. id
local busy
for at, key in ipairs(KEYS) do
  local spent, held = 0, 0
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] == field then return { 'held' } end
    local amount, till = string.match(all[i + 1], '^(%d+):(%d+)$')
    if not amount then
      spent = spent + tonumber(all[i + 1])
    elseif tonumber(till) > tonumber(now) then
      held = held + tonumber(amount)
    else
      spent = spent + tonumber(amount)
    end
  end
  local left = tonumber(ARGV[5 + at]) - spent - tonumber(micros)
  if left < 0 then return { 'over', at, spent, held } end
  if left < held and not busy then busy = { 'busy', at, spent, held } end
end
if busy then return busy end
for _, key in ipairs(KEYS) do
  redis.call('HSET', key, field, micros .. ':' .. ends)
  redis.call('EXPIRE', key, keep)
end
return { 'held' }
