-- Part of other scripts. The keys of a pod, and what its service knows of it: in a service, a lease is where `at` says,
-- whatever pod a message names, and each change of a count is a change of room.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info; for a pod of a service KEYS[3] at, KEYS[6] room, KEYS[7] limits,
--   KEYS[8] avoided, KEYS[11] order, KEYS[12] zones
local service = KEYS[6] and string.match(KEYS[6], '^(.*):room$')
local own = service and string.sub(KEYS[1], #service + #':pod_conn:' + 1)
local changed = {} -- endpoint → how many leases more than before

local function podKeys(endpoint)
  if not service then
    return KEYS[1], KEYS[2]
  end
  return service .. ':pod_conn:' .. endpoint, service .. ':proxies:' .. endpoint
end

local function overrideOf(endpoint) -- the limit that wins over the configured one, or false
  return redis.call('HGET', service .. ':override:' .. endpoint, 'limit')
end

local function endpointOf(lease) -- false where none has it; nil outside of services
  local at = service and redis.call('HGET', KEYS[3], lease)
  return at and string.match(at, '^[^ ]+')
end

local function noteInfo(endpoint, lease, info)
  if service then
    redis.call('HSET', KEYS[3], lease, info == '' and endpoint or endpoint .. ' ' .. info)
  elseif info ~= '' then
    redis.call('HSET', KEYS[3], lease, info)
  end
end

local function takeOut(endpoint, lease) -- returns whether it was there
  local leases, proxies = podKeys(endpoint)
  if redis.call('ZREM', leases, lease) == 0 then
    return false
  end
  local proxy = string.match(lease, '^(.*)_')
  if redis.call('HINCRBY', proxies, proxy, -1) <= 0 then
    redis.call('HDEL', proxies, proxy)
  end
  redis.call('HDEL', KEYS[3], lease)
  if service then
    changed[endpoint] = (changed[endpoint] or 0) - 1
  end
  return true
end

-- How the index knows a pod: those below the soft limit stand highest, those with more room higher; and each tells its
-- count, and whether anything more is known of it (`order`).
local BELOW, COUNTS = 2 ^ 21, 2 ^ 20

local function packRoom(room, count, soft, zone)
  local level = room > 0 and (not soft or count < soft) and BELOW + room or room
  return (level * COUNTS + math.min(count, COUNTS - 1)) * 2 + ((soft or zone) and 1 or 0)
end

local function zoneKey(zone)
  return service .. ':room:' .. zone
end

local function orderOf(endpoint) -- the soft limit, and the zone; false for either that there is not
  local known = redis.call('HMGET', KEYS[11], 'softLimit', endpoint)
  return tonumber(known[1] or nil) or false, known[2]
end

local function noteRoom(endpoint, more) -- `more`: leases than before
  local limit = redis.call('HGET', KEYS[7], endpoint)
  if not limit then
    return
  end
  local count = redis.call('ZCARD', (podKeys(endpoint)))
  local score = redis.call('ZSCORE', KEYS[6], endpoint)
  local soft, zone = false, false
  if not score or score % 2 == 1 then
    soft, zone = orderOf(endpoint)
  end
  if zone then
    redis.call('HINCRBY', KEYS[12], zone, more or 0)
  end
  if score then
    score = packRoom(limit - count, count, soft, zone)
    redis.call('ZADD', KEYS[6], score, endpoint)
    if zone then
      redis.call('ZADD', zoneKey(zone), score, endpoint)
    end
  elseif count == 0 and not redis.call('ZSCORE', KEYS[8], endpoint) then
    redis.call('HDEL', KEYS[7], endpoint) -- gone, and the last of its leases, too
  end
end

local function stand(endpoint) -- it takes new leases
  redis.call('ZADD', KEYS[6], 1, endpoint)
  noteRoom(endpoint)
end

local function leave(endpoint) -- it takes no new leases; returns whether it took any
  local _, zone = orderOf(endpoint)
  if zone then
    redis.call('ZREM', zoneKey(zone), endpoint)
  end
  return redis.call('ZREM', KEYS[6], endpoint) == 1
end

local function noteChanges() -- at the end of each script
  for endpoint, more in pairs(changed) do
    noteRoom(endpoint, more)
  end
end
