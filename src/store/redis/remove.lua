#!lua flags=allow-oom
-- Removes those of the named members that have been silent.
-- KEYS[1] a membership
-- ARGV[1] silence threshold, ms, ARGV[2...] names
-- returns the number of removed members
local time = redis.call('TIME')
local since = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local removed = 0
for i = 2, #ARGV do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if seen and tonumber(seen) < since then
    removed = removed + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return removed
