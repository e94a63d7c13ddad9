-- Pauses or resumes voting, for an owner or for all.
-- KEYS: voting record, audit of the owner who says so   ARGV: 'enabled'|'paused', 'owner'|'all', by which API key, now (ms)
local state, scope, by, now = unpack(ARGV)
redis.call('SET', KEYS[1], state)
redis.call('XADD', KEYS[2], '*', 'kind', 'voting_' .. state, 'time', now, 'scope', scope, 'by', by)
return state
