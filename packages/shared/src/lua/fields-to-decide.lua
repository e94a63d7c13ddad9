-- Reads fields of a run for a decision, and pins in the same step what the service keeps for the run, unless something is pinned. A run
-- that is not running or is to stop, or whose decision stands, is read alone.
-- KEYS: run
-- ARGV: field of the settings, the settings, field of the decision, then the fields to read
-- Returns: a value for each of them. Nothing where the run is packed
local settings_field, settings, decision_field = unpack(ARGV, 1, 3)
local state, cancelled, pinned, decided, packed =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'cancelled', settings_field, decision_field, 'packed'))
if packed then return false end
if state == 'running' and not cancelled and not pinned and not decided then
  redis.call('HSET', KEYS[1], settings_field, settings)
end
return redis.call('HMGET', KEYS[1], unpack(ARGV, 4))
