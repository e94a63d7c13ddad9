-- Puts every staged key in the place of all that is there, in one step, with voting paused for everybody, and tells of it in the
-- audit streams of voters.
-- KEYS: mode, voting global
-- ARGV: our prefix, prefix of staged keys, prefix of the owners' voting, what stands for a mode meanwhile; then for each voter the
--       audit stream, how many names and values its entry has, and these           Returns: how many keys were put there
local prefix, staged, owners, meanwhile = unpack(ARGV)
local fresh = {}
for _, key in ipairs(redis.call('KEYS', prefix .. '*')) do
  if string.sub(key, 1, #staged) == staged then fresh[#fresh + 1] = key else redis.call('UNLINK', key) end
end
for _, key in ipairs(fresh) do
  redis.call('RENAME', key, prefix .. string.sub(key, #staged + 1))
end
for _, key in ipairs(redis.call('KEYS', owners .. '*')) do redis.call('DEL', key) end
redis.call('SET', KEYS[1], meanwhile)
redis.call('SET', KEYS[2], 'paused')
local at = 5
while at <= #ARGV do
  local count = tonumber(ARGV[at + 1])
  redis.call('XADD', ARGV[at], '*', unpack(ARGV, at + 2, at + 1 + count))
  at = at + 2 + count
end
return #fresh
