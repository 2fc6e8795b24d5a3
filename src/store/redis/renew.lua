#!lua flags=allow-oom
-- Puts leases of one pod into its set, whether or not they are there; but none that has ended.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended
-- ARGV[1] time to live, ms, ARGV[2] how many leases keep their info as it is, then those; then others, each before its info
-- returns {how many it put in, count}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[1]) / 2) * 2 + 1 -- odd: spoken of again (keys.ts)
local created = 0

local function renew(lease) -- whether it may be there
  if redis.call('ZADD', KEYS[1], expiry, lease) == 0 then
    return true
  end
  if tonumber(redis.call('ZSCORE', KEYS[4], lease) or 0) > now then
    redis.call('ZREM', KEYS[1], lease)
    return false
  end
  created = created + 1
  redis.call('HINCRBY', KEYS[2], string.match(lease, '^(.*)_'), 1)
  return true
end

local others = 3 + ARGV[2]
for i = 3, others - 1 do
  renew(ARGV[i])
end
for i = others, #ARGV, 2 do
  if renew(ARGV[i]) and ARGV[i + 1] ~= '' then
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  end
end
return { created, redis.call('ZCARD', KEYS[1]) }
