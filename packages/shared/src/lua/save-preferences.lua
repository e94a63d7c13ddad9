-- Puts an owner's preferences in place of those that they were made from, and keeps them as the last good ones.
-- KEYS: preferences, their last good copy, their recorded version
-- ARGV: what must stand there ('' for nothing), the new text, its version
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('MSET', KEYS[1], ARGV[2], KEYS[2], ARGV[2], KEYS[3], ARGV[3])
return 1
