-- Writes a field of a run once, and tells of it in the same step; what the field leads to is there with it.
-- KEYS: run, events of the run, then those of the texts that the field leads to
-- ARGV: field, value, seconds to keep the texts; each of the texts; then for each event: how many are kept, its kind, its data
-- Returns: 1 if it was written now, else 0; the value that stands. Nothing where the run is packed, and it stands there or not at all
local field, value, keep = unpack(ARGV, 1, 3)
if redis.call('HEXISTS', KEYS[1], 'packed') == 1 then return false end
if redis.call('HSETNX', KEYS[1], field, value) == 0 then return { 0, redis.call('HGET', KEYS[1], field) } end
for at = 3, #KEYS do redis.call('SET', KEYS[at], ARGV[at + 1], 'EX', keep) end
for at = #KEYS + 2, #ARGV, 3 do
  redis.call('XADD', KEYS[2], 'NOMKSTREAM', 'MAXLEN', ARGV[at], '*', 'kind', ARGV[at + 1], 'data', ARGV[at + 2])
end
return { 1, value }
