#!lua flags=allow-oom
-- Puts back overrides that the store has lost, or of which it knows an earlier state only.
-- KEYS[1] overrides, KEYS[2] when they end
-- ARGV kind and pod, override, and so on
-- returns the number of those that it put back
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
local function versionOf(override)
  return tonumber(string.match(override, '^(%d+) '))
end
local back = 0
for i = 1, #ARGV, 2 do
  local field, override = ARGV[i], ARGV[i + 1]
  local known = redis.call('HGET', KEYS[1], field)
  local ends = tonumber(string.match(override, '^%d+ %d+ (%d+)'))
  if (not known or versionOf(known) < versionOf(override)) and (ends == 0 or ends > now) then
    redis.call('HSET', KEYS[1], field, override)
    redis.call('ZADD', KEYS[2], ends > 0 and ends or '+inf', field)
    version = math.max(version, versionOf(override))
    back = back + 1
  end
end
if back > 0 then
  redis.call('HSET', KEYS[1], 'version', math.max(version + 1, now))
end
return back
