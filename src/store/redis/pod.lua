-- Part of other scripts. The keys of a pod, and what its service knows of it: in a service, a lease is where `at` says,
-- whatever pod a message names, and each change of a count is a change of room.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info; for a pod of a service KEYS[3] at, KEYS[6] room, KEYS[7] limits,
--   KEYS[8] avoided
local service = KEYS[6] and string.match(KEYS[6], '^(.*):room$')
local own = service and string.sub(KEYS[1], #service + #':pod_conn:' + 1)
local changed = {}

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
    changed[endpoint] = true
  end
  return true
end

-- How the index knows a pod: those with more room stand higher, and each tells its count.
local COUNTS = 2 ^ 20

local function packRoom(room, count)
  return room * COUNTS + math.min(count, COUNTS - 1)
end

local function noteRoom(endpoint)
  local limit = redis.call('HGET', KEYS[7], endpoint)
  if not limit then
    return
  end
  local count = redis.call('ZCARD', (podKeys(endpoint)))
  if redis.call('ZSCORE', KEYS[6], endpoint) then
    redis.call('ZADD', KEYS[6], packRoom(limit - count, count), endpoint)
  elseif count == 0 and not redis.call('ZSCORE', KEYS[8], endpoint) then
    redis.call('HDEL', KEYS[7], endpoint) -- gone, and the last of its leases, too
  end
end

local function noteChanges() -- at the end of each script
  for endpoint in pairs(changed) do
    noteRoom(endpoint)
  end
end
