#!lua flags=allow-oom
-- Puts names on a roll, as seen now, that are not on it.
-- KEYS[1] the roll
-- ARGV names
-- returns how many were new
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = 0
for _, name in ipairs(ARGV) do
  added = added + redis.call('ZADD', KEYS[1], 'NX', now, name)
end
return added
