#!lua flags=allow-oom
-- Takes leases out of a pod's set, and remembers that they have ended.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended
-- ARGV[1] for how long no renewal may put them back, ms, or 0, ARGV[2...] lease ids
-- returns the number of leases that were there
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local forget = now + ARGV[1]
local removed = 0
for i = 2, #ARGV do
  local lease = ARGV[i]
  if redis.call('ZREM', KEYS[1], lease) == 1 then
    removed = removed + 1
    local proxy = string.match(lease, '^(.*)_')
    if redis.call('HINCRBY', KEYS[2], proxy, -1) <= 0 then
      redis.call('HDEL', KEYS[2], proxy)
    end
    redis.call('HDEL', KEYS[3], lease)
  end
  if forget > now then
    redis.call('ZADD', KEYS[4], forget, lease)
  end
end
if forget > now then
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -100001) -- no more than 100,000
  redis.call('PEXPIREAT', KEYS[4], forget)
end
return removed
