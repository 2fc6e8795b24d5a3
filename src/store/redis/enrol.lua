#!lua flags=allow-oom
-- Notes endpoints of a service: which take new leases, and how many; and those that take none any more.
-- KEYS as of a pod of a service, of no pod: KEYS[3] at, KEYS[6] room, KEYS[7] limits, KEYS[8] avoided, KEYS[10] configured,
--   KEYS[11] order, KEYS[12] zones, KEYS[13] lists
-- ARGV[1] the soft limit of its pods, or '', ARGV[2] the list with which this completes, or '' (listed.lua)
-- ARGV[3...] an endpoint, its limit, or '' for one that is gone, and its zone, or ''; and so on
-- returns the endpoints that were not enrolled before, and those that were, and are gone
-- @include pod
if ARGV[1] == '' then
  redis.call('HDEL', KEYS[11], 'softLimit')
else
  redis.call('HSET', KEYS[11], 'softLimit', ARGV[1])
end

local function countIn(zone, more)
  if redis.call('HINCRBY', KEYS[12], zone, more) <= 0 and redis.call('ZCARD', zoneKey(zone)) == 0 then
    redis.call('HDEL', KEYS[12], zone)
  end
end

local function noteZone(endpoint, zone)
  local before = redis.call('HGET', KEYS[11], endpoint) or ''
  if before == zone then
    return
  end
  local count = redis.call('ZCARD', (podKeys(endpoint)))
  if before ~= '' then
    redis.call('ZREM', zoneKey(before), endpoint)
    redis.call('HDEL', KEYS[11], endpoint)
    countIn(before, 0 - count)
  end
  if zone ~= '' then
    redis.call('HSET', KEYS[11], endpoint, zone)
    countIn(zone, count)
  end
end

if ARGV[2] == '' then
  redis.call('HDEL', KEYS[13], '=enrolled')
else
  redis.call('HSET', KEYS[13], '=enrolled', ARGV[2])
end

local joined, left = {}, {}
for i = 3, #ARGV, 3 do
  local endpoint, limit, zone = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  noteZone(endpoint, zone)
  if limit == '' then
    redis.call('ZREM', KEYS[6], endpoint)
    redis.call('ZREM', KEYS[8], endpoint)
    if redis.call('HDEL', KEYS[10], endpoint) == 1 then
      left[#left + 1] = endpoint
    end
    noteRoom(endpoint)
  else
    if redis.call('HSET', KEYS[10], endpoint, limit) == 1 then
      joined[#joined + 1] = endpoint
    end
    redis.call('HSET', KEYS[7], endpoint, overrideOf(endpoint) or limit)
    if not redis.call('ZSCORE', KEYS[8], endpoint) then
      stand(endpoint)
    end
  end
end
return { joined, left }
