#!lua flags=allow-oom
-- A pod of a service has refused a connection: it takes no new leases for a while, twice as long as the last time if that
-- was not long ago.
-- KEYS as of a pod of a service: KEYS[6] room, KEYS[8] avoided, KEYS[9] refusals
-- ARGV[1] for how long at first, ms, ARGV[2] the longest time, ms
-- returns for how long, ms; 0 for a pod that is avoided already, or takes no new leases anyway
-- @include pod
if not leave(own) then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = tonumber(ARGV[1])
local before, ended = string.match(redis.call('HGET', KEYS[9], own) or '', '^(%d+) (%d+)$')
if before and now - ended < 2 * before then
  length = math.min(2 * before, tonumber(ARGV[2]))
end
redis.call('ZADD', KEYS[8], now + length, own)
redis.call('HSET', KEYS[9], own, string.format('%d %d', length, now + length))
redis.call('PEXPIREAT', KEYS[9], now + 4 * ARGV[2])
return length
