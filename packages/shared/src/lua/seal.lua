-- Puts sealed records behind the head of a voter's chain and takes their entries away, in one step. A sealer that was paused and
-- comes late finds another head, or an entry gone, and changes nothing.
-- KEYS: chain, entries of the voter that are not sealed yet
-- ARGV: number of the head's record (0: none), SHA-1 of the head's text or '', then for each record: id of its entry, its text
-- Returns: 1 if they were put there
local seq, head_sha = tonumber(ARGV[1]), ARGV[2]
local head = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if (head and head[1] or '0-0') ~= seq .. '-0' then return 0 end
if (head and redis.sha1hex(head[2][2]) or '') ~= head_sha then return 0 end
for at = 3, #ARGV, 2 do
  if #redis.call('XRANGE', KEYS[2], ARGV[at], ARGV[at]) == 0 then return 0 end
end
for at = 3, #ARGV, 2 do
  seq = seq + 1
  redis.call('XADD', KEYS[1], seq .. '-0', 'record', ARGV[at + 1])
  redis.call('XDEL', KEYS[2], ARGV[at])
end
return 1
