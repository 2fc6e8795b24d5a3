#!lua flags=allow-oom
-- Notes how far a gate has come since the store was last away from it, and tells how far the others have.
-- KEYS[1] the gates, KEYS[2] sorted set: gate → when it last said that it has told all that it knows, ms
-- KEYS[3] sorted set: gate → when it last said that it does not trust the counts yet, ms
-- ARGV[1] the gate, ARGV[2] 1 if it has told all that it knows, ARGV[3] 1 if it trusts the counts
-- ARGV[4] since when others must have told theirs, ms, or 'now'
-- ARGV[5] gates that were last seen before this time are not waited for, ms, ARGV[6] silence threshold, ms
-- returns {number of other gates that were there and have not told theirs since,
--   number of other gates that are there and do not trust the counts}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == '1' then
  redis.call('ZADD', KEYS[2], now, ARGV[1])
end
if ARGV[3] == '1' then
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('ZADD', KEYS[3], now, ARGV[1])
end
local since = ARGV[4] == 'now' and now + 1 or tonumber(ARGV[4])
local behind = 0
for _, gate in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[5], '+inf', 'LIMIT', 0, 1000)) do
  if gate ~= ARGV[1] and tonumber(redis.call('ZSCORE', KEYS[2], gate) or -1) < since then
    behind = behind + 1
  end
end
local doubting = 0
for _, gate in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], now - ARGV[6], '+inf', 'LIMIT', 0, 1000)) do
  if gate ~= ARGV[1] and redis.call('ZSCORE', KEYS[1], gate) then
    doubting = doubting + 1
  end
end
return { behind, doubting }
