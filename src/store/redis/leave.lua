#!lua flags=allow-oom
-- Takes gates off their roll, with all that is kept of them: one that says goodbye, and those that have long been silent.
-- KEYS[1] the roll of gates, KEYS[2] told, KEYS[3] doubting, KEYS[4...] of each gate the proxies that it hears
-- ARGV[1] silence threshold, ms, or -1 for none, ARGV[2...] gates, in the order of those keys
-- returns how many were taken off
local time = redis.call('TIME')
local quiet = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local removed = 0
for i = 2, #ARGV do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if seen and (ARGV[1] == '-1' or tonumber(seen) < quiet) then
    removed = removed + redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('ZREM', KEYS[3], ARGV[i])
    redis.call('ZREMRANGEBYRANK', KEYS[2 + i], 0, -1)
  end
end
return removed
