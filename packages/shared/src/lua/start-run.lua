-- What a request for a run has done, in one step: the request is taken out of its budgets, its run is accepted, the job of the run is
-- added. Each is a script of its own: take, accept, add. What one of them refuses, and what stands already, goes no further.
-- KEYS, ARGV: of take how many keys and how many arguments, of accept the same; then those of each in turn
-- Returns: what each of them returned that was asked
local key, arg = 1, 5
local function ask(script, names, values)
  local reply = script({ unpack(KEYS, key, key + names - 1) }, { unpack(ARGV, arg, arg + values - 1) })
  key, arg = key + names, arg + values
  return reply
end
local taken = ask(take, tonumber(ARGV[1]), tonumber(ARGV[2]))
if taken[1] ~= 0 then return { taken } end
local accepted = ask(accept, tonumber(ARGV[3]), tonumber(ARGV[4]))
if accepted[1] ~= 'created' then return { taken, accepted } end
return { taken, accepted, ask(add, #KEYS - key + 1, #ARGV - arg + 1) }
