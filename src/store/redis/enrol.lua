#!lua flags=allow-oom
-- Notes endpoints of a service: which take new leases, and how many; and those that take none any more.
-- KEYS as of a pod of a service, of no pod: KEYS[3] at, KEYS[6] room, KEYS[7] limits, KEYS[8] avoided, KEYS[10] configured
-- ARGV an endpoint, and its limit, or '' for one that is gone; and so on
-- returns 1
-- @include pod
for i = 1, #ARGV, 2 do
  local endpoint, limit = ARGV[i], ARGV[i + 1]
  if limit == '' then
    redis.call('ZREM', KEYS[6], endpoint)
    redis.call('ZREM', KEYS[8], endpoint)
    redis.call('HDEL', KEYS[10], endpoint)
  else
    redis.call('HSET', KEYS[10], endpoint, limit)
    redis.call('HSET', KEYS[7], endpoint, overrideOf(endpoint) or limit)
    if not redis.call('ZSCORE', KEYS[8], endpoint) then
      redis.call('ZADD', KEYS[6], 0, endpoint)
    end
  end
  noteRoom(endpoint)
end
return 1
