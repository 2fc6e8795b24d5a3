#!lua flags=allow-oom
-- Makes those names members that are none, as seen now.
-- KEYS[1] a membership
-- ARGV names
-- returns the number of new members
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = 0
for _, name in ipairs(ARGV) do
  added = added + redis.call('ZADD', KEYS[1], 'NX', now, name)
end
return added
