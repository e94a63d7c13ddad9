-- Takes one request out of each of several budgets, or out of none where one of them is used up: what is refused costs nothing.
-- A window begins with its first request and ends by itself, with its key.
-- KEYS: the keys of the API, then a counter per budget
-- ARGV: length of a window (ms); the id of a key and the record that it must have still, both '' where that is not asked; then the limit
--       of each budget
-- Returns: -1 alone where the record is another or gone, and then nothing is taken; else which budget is used up for longest (0:
--       none), then of each what is left of it and for how many ms
local window = tonumber(ARGV[1])
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return { -1 } end
local limits, counts, ends, refused = {}, {}, {}, 0
local budgets = { unpack(KEYS, 2) }
for at, key in ipairs(budgets) do
  limits[at] = tonumber(ARGV[at + 3])
  counts[at] = tonumber(redis.call('GET', key) or '0')
  ends[at] = redis.call('PTTL', key)
  if ends[at] < 0 or ends[at] > window then
    -- None is under way, or the setting was shortened since it began.
    redis.call('PEXPIRE', key, window)
    ends[at] = window
  end
  if counts[at] >= limits[at] and (refused == 0 or ends[at] > ends[refused]) then refused = at end
end
local reply = { refused }
for at, key in ipairs(budgets) do
  if refused == 0 then
    counts[at] = redis.call('INCR', key)
    if counts[at] == 1 then redis.call('PEXPIRE', key, window) end
  end
  table.insert(reply, math.max(0, limits[at] - counts[at]))
  table.insert(reply, ends[at])
end
return reply
