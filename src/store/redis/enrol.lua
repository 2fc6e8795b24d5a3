#!lua flags=allow-oom
-- Notes endpoints of a service: which take new leases, and how many; and those that take none any more.
-- KEYS as of a pod of a service, of no pod: KEYS[6] at, KEYS[7] room, KEYS[8] limits, KEYS[9] avoided, KEYS[11] configured
-- ARGV an endpoint, and its limit, or '' for one that is gone; and so on
-- returns 1
-- @include pod
for i = 1, #ARGV, 2 do
  local endpoint, limit = ARGV[i], ARGV[i + 1]
  if limit == '' then
    redis.call('ZREM', KEYS[7], endpoint)
    redis.call('ZREM', KEYS[9], endpoint)
    redis.call('HDEL', KEYS[11], endpoint)
  else
    redis.call('HSET', KEYS[11], endpoint, limit)
    redis.call('HSET', KEYS[8], endpoint, overrideOf(endpoint) or limit)
    if not redis.call('ZSCORE', KEYS[9], endpoint) then
      redis.call('ZADD', KEYS[7], 0, endpoint)
    end
  end
  noteRoom(endpoint)
end
return 1
