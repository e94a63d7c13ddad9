-- Puts another appointment, or none, in place of one, where that still stands.
-- KEYS: appointments
-- ARGV: field, the JSON that must stand there, the JSON to put there or '' for none
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
