#!lua flags=allow-oom
-- Takes those names off a roll that have not been seen for long.
-- KEYS[1] the roll
-- ARGV[1] how long is long, ms, ARGV[2...] names
-- returns how many were taken off
local time = redis.call('TIME')
local quiet = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local removed = 0
for i = 2, #ARGV do
  local seen = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if seen and tonumber(seen) < quiet then
    removed = removed + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return removed
