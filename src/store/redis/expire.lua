#!lua flags=allow-oom
-- Takes those leases of the named proxies out of a pod's set that are past their expiry.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV[1] how many of the leases past their expiry to leave alone, oldest first: the caller has seen them in an earlier
--   call, and none of them is of a named proxy
-- ARGV[2] how many to look at, at most, so that no call holds Redis for long
-- ARGV[3...] proxy ids
-- returns {the leases taken out, other proxies that hold leases past their expiry, how many were left alone by this
--   call, 1 if there may be more, count}
local named = {}
for i = 3, #ARGV do
  named[ARGV[i]] = true
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local past = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now, 'LIMIT', ARGV[1], ARGV[2])
local removed, waiting, seen, left = {}, {}, {}, 0
for _, lease in ipairs(past) do
  local proxy = string.match(lease, '^(.*)_')
  if named[proxy] then
    redis.call('ZREM', KEYS[1], lease)
    if redis.call('HINCRBY', KEYS[2], proxy, -1) <= 0 then
      redis.call('HDEL', KEYS[2], proxy)
    end
    redis.call('HDEL', KEYS[3], lease)
    removed[#removed + 1] = lease
  else
    left = left + 1
    if not seen[proxy] then
      seen[proxy] = true
      waiting[#waiting + 1] = proxy
    end
  end
end
local more = #past == tonumber(ARGV[2]) and 1 or 0
return { removed, waiting, left, more, redis.call('ZCARD', KEYS[1]) }
