-- Reserves leases at pods of a service: each at the pod with the most room, or all at the one that is named. A pod that
-- refused a connection of late is only taken where no other has room. A lease that one of the pods has already is admitted
-- there, and counts once; but one that is to be at the named pod goes there.
-- KEYS[1] leases, KEYS[2] proxies of the named pod, or of none, KEYS[3] at, KEYS[4] ended, KEYS[5] lapsed, KEYS[6] room,
--   KEYS[7] limits, KEYS[8] avoided
-- ARGV[1] for how long they are reserved, ms, ARGV[2] limit of the named pod, or '' where none is named
-- ARGV[3...] three for each lease: its id, proxy id, info or ''
-- returns for each lease {1, endpoint, count}, {0, '' or the named one, its count or 0} where no pod has room, {-1, '', 0}
--   for one whose end is known, or {-2, '', 0} where the service has no pods that are known here; all of them in one list;
--   then the override of the named pod, where it has one
-- Each call of a command costs about as much as the rest of a lease. So what can be read or written for all leases at once
-- is, and a pod's count is read out of its place in the index.
-- @include pod
local named = ARGV[2] ~= '' and own
local override = named and overrideOf(named)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[1]) / 16) * 16 -- nobody has spoken of it yet (keys.ts)
local result, again = {}, {}
local pods, known = {}, {} -- those that were looked at, in this order, and by endpoint: as they are with this call's leases
local here = {} -- by lease: the pod that has got it

local function see(endpoint, room, count)
  local pod = { endpoint = endpoint, room = room, count = count }
  pods[#pods + 1] = pod
  known[endpoint] = pod
  return pod
end

local function look(endpoint, limit)
  local count = redis.call('ZCARD', (podKeys(endpoint)))
  return known[endpoint] or see(endpoint, limit - count, count)
end

local function bringBack() -- those that have been avoided for long enough
  for _, endpoint in ipairs(redis.call('ZRANGEBYSCORE', KEYS[8], '-inf', now, 'LIMIT', 0, 10)) do
    redis.call('ZREM', KEYS[8], endpoint)
    redis.call('ZADD', KEYS[6], 0, endpoint)
    noteRoom(endpoint)
  end
end

-- As many pods as leases are asked for, those with the most room first. Each in turn gives one slot to those of its level,
-- and is one level lower then: so after each round they are in order again.
local index, level, turn

local function roomiest()
  if not index then
    index = {}
    local flat = redis.call('ZRANGE', KEYS[6], 0, (#ARGV - 2) / 3 - 1, 'REV', 'WITHSCORES')
    for i = 1, #flat, 2 do
      local pod = see(flat[i], math.floor(flat[i + 1] / COUNTS), flat[i + 1] % COUNTS)
      pod.isIndexed = true
      index[#index + 1] = pod
    end
  end
  if not turn or not index[turn] or index[turn].room < level then
    turn = 1
    level = index[1] and index[1].room or 0
  end
  local pod = index[turn]
  if not pod or pod.room <= 0 then
    return nil
  end
  turn = turn + 1
  return pod
end

local function pick()
  if named then
    local pod = look(named, override or ARGV[2])
    return pod.room > 0 and pod
  end
  local pod = roomiest()
  if pod then
    return pod
  end
  local next = redis.call('ZRANGE', KEYS[8], 0, 0)[1] -- the one that is to be tried first again
  pod = next and look(next, redis.call('HGET', KEYS[7], next) or 0)
  return pod and pod.room > 0 and pod
end

local function place(lease, proxy, info, at) -- returns the outcome, and the pod
  local pod = here[lease]
  at = at and string.match(at, '^[^ ]+')
  if pod or (at and (not named or at == named)) then
    pod = pod or look(at, 0)
    again[#again + 1] = lease
    again[#again + 1] = pod.endpoint
    return 1, pod
  end
  pod = pick()
  if not pod then
    local hasPods = named or index[1] or redis.call('ZRANGE', KEYS[8], 0, 0)[1]
    return hasPods and 0 or -2, named and look(named, 0)
  end
  if at then
    takeOut(at, lease)
  end
  pod.room = pod.room - 1
  pod.count = pod.count + 1
  pod.new = pod.new or {}
  local new = pod.new
  new[#new + 1] = expiry
  new[#new + 1] = lease
  pod.proxies = pod.proxies or {}
  pod.proxies[proxy] = (pod.proxies[proxy] or 0) + 1
  here[lease] = pod
  return 1, pod
end

local function write()
  local at, rooms = {}, {}
  for _, pod in ipairs(pods) do
    if pod.new then
      local leases, proxies = podKeys(pod.endpoint)
      redis.call('ZADD', leases, unpack(pod.new))
      for proxy, more in pairs(pod.proxies) do
        redis.call('HINCRBY', proxies, proxy, more)
      end
      if pod.isIndexed then
        rooms[#rooms + 1] = packRoom(pod.room, pod.count)
        rooms[#rooms + 1] = pod.endpoint
      else
        changed[pod.endpoint] = true
      end
    end
  end
  for i = 3, #ARGV, 3 do
    local pod, info = here[ARGV[i]], ARGV[i + 2]
    if pod then
      at[#at + 1] = ARGV[i]
      at[#at + 1] = info == '' and pod.endpoint or pod.endpoint .. ' ' .. info
    end
  end
  if at[1] then
    redis.call('HSET', KEYS[3], unpack(at))
  end
  if rooms[1] then
    redis.call('ZADD', KEYS[6], unpack(rooms))
  end
  for i = 1, #again, 2 do
    local leases = podKeys(again[i + 1])
    local held = redis.call('ZSCORE', leases, again[i])
    local flags = held % 16
    redis.call('ZADD', leases, math.max(expiry, held - flags) + flags - flags % 2 + 1, again[i]) -- spoken of again
  end
  noteChanges()
end

if not named and redis.call('ZCARD', KEYS[8]) > 0 then
  bringBack()
end
local leases = {}
for i = 3, #ARGV, 3 do
  leases[#leases + 1] = ARGV[i]
end
local ats = redis.call('HMGET', KEYS[3], unpack(leases))
local anyEnded = #leases == 1 or redis.call('ZCARD', KEYS[4]) > 0
for i, lease in ipairs(leases) do
  local outcome, pod = -1, false
  if not anyEnded or tonumber(redis.call('ZSCORE', KEYS[4], lease) or 0) <= now then
    outcome, pod = place(lease, ARGV[3 * i + 1], ARGV[3 * i + 2], ats[i])
  end
  result[3 * i - 2] = outcome
  result[3 * i - 1] = pod and pod.endpoint or ''
  result[3 * i] = pod and pod.count or 0
end
write()
if override then
  result[#result + 1] = override
end
return result
