-- One lease of one pod, if there is room for it. A lease that is held already is admitted, and counts once.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV[1] max, ARGV[2] lease id, ARGV[3] proxy id, ARGV[4] how long it is reserved, ms, ARGV[5] info, or '' for none
-- returns {1, count, "SUCCESS"} or {0, count, "LIMIT_EXCEEDED"}
local count = redis.call('ZCARD', KEYS[1])
local held = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not held and count >= tonumber(ARGV[1]) then
  return { 0, count, 'LIMIT_EXCEEDED' }
end
local time = redis.call('TIME')
local expiry = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4]
if held then
  local latest = math.max(expiry, math.floor(held))
  redis.call('ZADD', KEYS[1], latest + 0.5, ARGV[2]) -- half a millisecond: it was spoken of again (keys.ts)
  return { 1, count, 'SUCCESS' }
end
redis.call('ZADD', KEYS[1], expiry, ARGV[2])
redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])
end
return { 1, count + 1, 'SUCCESS' }
