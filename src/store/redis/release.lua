#!lua flags=allow-oom
-- Takes leases out of a pod's set, and remembers that they have ended.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended; for a service, or a pod of one, all others, too
-- ARGV[1] for how long no renewal may put them back, ms, or 0, ARGV[2...] lease ids
-- returns the number of leases that were there
-- @include pod
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local forget = now + ARGV[1]
local removed = 0
for i = 2, #ARGV do
  local lease = ARGV[i]
  local endpoint = endpointOf(lease)
  if endpoint ~= false and takeOut(endpoint, lease) then
    removed = removed + 1
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
noteChanges()
return removed
