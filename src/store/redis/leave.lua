#!lua flags=allow-oom
-- Removes gates, with all that is kept of them: one that leaves, or some that have been silent.
-- KEYS[1] the gates, KEYS[2] told, KEYS[3] doubting, KEYS[4] about, KEYS[5...] of each named gate the proxies that it hears
-- ARGV[1] silence threshold, ms, or -1 for none, ARGV[2...] gates, in the order of those keys
-- returns the number of removed gates
local time = redis.call('TIME')
local since = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local removed = 0
for i = 2, #ARGV do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if seen and (ARGV[1] == '-1' or tonumber(seen) < since) then
    removed = removed + redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('ZREM', KEYS[3], ARGV[i])
    redis.call('HDEL', KEYS[4], ARGV[i])
    redis.call('ZREMRANGEBYRANK', KEYS[3 + i], 0, -1)
  end
end
return removed
