-- Reserves leases at pods of a service: each at one that is asked for, else at the one that the pick says, or all at the one
-- that is named. A pod that refused a connection of late is only taken where no other has room. A lease that one of the pods
-- has already is admitted there, and counts once; but one that is to be at the named pod goes there.
-- KEYS[1] leases, KEYS[2] proxies of the named pod, or of none, KEYS[3] at, KEYS[4] ended, KEYS[5] lapsed, KEYS[6] room,
--   KEYS[7] limits, KEYS[8] avoided, KEYS[11] order, KEYS[12] zones
-- ARGV[1] for how long they are reserved, ms, ARGV[2] limit of the named pod, or '' where none is named
-- ARGV[3] the pick: 'least', 'pack' or 'spread'; then, after a space, how many further endpoints are to be told, if any
-- ARGV[4...] four for each lease: its id, proxy id, info or '', and the endpoints that are asked for, with spaces between them
-- returns for each lease {1, endpoint, count}, {0, '' or the named one, its count or 0} where no pod has room, {-1, '', 0}
--   for one whose end is known, or {-2, '', 0} where the service has no pods that are known here; all of them in one list;
--   then the override of the named pod, where it has one; or further endpoints, those with the most room first
-- Each call of a command costs about as much as the rest of a lease. So what can be read or written for all leases at once
-- is, and a pod's count is read out of its place in the index.
-- @include pod
local named = ARGV[2] ~= '' and own
local override = named and overrideOf(named)
local how, others = string.match(ARGV[3], '^(%a+) ?(%d*)$')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[1]) / 8) * 8 -- nobody has spoken of it yet (keys.ts)
local leases, result, again = {}, {}, {}
for i = 4, #ARGV, 4 do
  leases[#leases + 1] = ARGV[i]
end
local pods, known = {}, {} -- those that were looked at, in this order, and by endpoint: as they are with this call's leases
local here = {} -- by lease: the pod that has got it

local function see(endpoint, room, count)
  local pod = { endpoint = endpoint, room = room, count = count }
  pods[#pods + 1] = pod
  known[endpoint] = pod
  return pod
end

local function look(endpoint, limit)
  if known[endpoint] then
    return known[endpoint]
  end
  local count = redis.call('ZCARD', (podKeys(endpoint)))
  return see(endpoint, limit - count, count)
end

local function seeIndexed(endpoint, score) -- as the index has it
  if known[endpoint] then
    return known[endpoint]
  end
  local level = math.floor(score / 2 / COUNTS)
  local pod = see(endpoint, level > BELOW / 2 and level - BELOW or level, math.floor(score / 2) % COUNTS)
  pod.isIndexed = true
  if score % 2 == 1 then
    pod.soft, pod.zone = orderOf(endpoint)
  end
  return pod
end

local function bringBack() -- those that have been avoided for long enough
  for _, endpoint in ipairs(redis.call('ZRANGEBYSCORE', KEYS[8], '-inf', now, 'LIMIT', 0, 10)) do
    redis.call('ZREM', KEYS[8], endpoint)
    stand(endpoint)
  end
end

local function isBelow(pod)
  return not pod.soft or pod.count < pod.soft
end

local function rank(pod) -- the higher, the sooner it is picked; 0 for one that is full
  if pod.room <= 0 then
    return 0
  end
  return (isBelow(pod) and BELOW or 0) + (how == 'pack' and COUNTS - pod.room or pod.room)
end

-- Candidates, as many as there are leases: so one of them is always better than all that were not loaded. The next one is
-- looked for from where the last one was found, up to one as good as that: those of one rank are taken in turn.
local function candidates(flat)
  local list = { turn = 1, top = math.huge }
  for i = 1, #flat, 2 do
    list[#list + 1] = seeIndexed(flat[i], flat[i + 1])
  end
  return list
end

local function best(list) -- nil where none has room
  local found, highest = nil, 0
  for i = 0, #list - 1 do
    local place = (list.turn + i - 1) % #list + 1
    local value = rank(list[place])
    if value > highest then
      found, highest = place, value
      if value >= list.top then
        break
      end
    end
  end
  list.turn, list.top = found or list.turn, highest
  return found and list[found]
end

local lists = {}

local function most(key) -- the one with the most room in an index
  lists[key] = lists[key] or candidates(redis.call('ZRANGE', key, 0, #leases - 1, 'REV', 'WITHSCORES'))
  return best(lists[key])
end

local function fullest(from, to) -- the one with the least room, from a level of the index on
  local function load()
    return redis.call('ZRANGEBYSCORE', KEYS[6], from * COUNTS * 2, to, 'WITHSCORES', 'LIMIT', 0, #leases)
  end
  lists[from] = lists[from] or candidates(load())
  return best(lists[from])
end

local zones

local function inZone() -- that with the fewest connections, of those that have room; below the soft limit first
  if not zones then
    zones = {}
    local flat = redis.call('HGETALL', KEYS[12])
    for i = 1, #flat, 2 do
      zones[#zones + 1] = { key = zoneKey(flat[i]), count = tonumber(flat[i + 1]) }
    end
  end
  local found, zone
  for _, each in ipairs(zones) do
    local pod = most(each.key)
    if pod then
      local isBetter = not found or each.count < zone.count
      if found and isBelow(pod) ~= isBelow(found) then
        isBetter = isBelow(pod)
      end
      if isBetter then
        found, zone = pod, each
      end
    end
  end
  if zone then
    zone.count = zone.count + 1
  end
  return found
end

local function askedFor(endpoints) -- the first that has room
  for endpoint in string.gmatch(endpoints, '[^ ]+') do
    local score = not known[endpoint] and redis.call('ZSCORE', KEYS[6], endpoint)
    local pod = score and seeIndexed(endpoint, score) or known[endpoint]
    if pod and pod.isIndexed and pod.room > 0 then
      return pod
    end
  end
end

local function picked()
  if how == 'pack' then
    local pod = fullest(BELOW + 1, '+inf')
    if pod and isBelow(pod) then
      return pod
    end
    local other = fullest(1, string.format('(%.0f', BELOW * COUNTS))
    return pod and (not other or rank(pod) >= rank(other)) and pod or other
  end
  return how == 'spread' and inZone() or most(KEYS[6])
end

local avoided

local function avoidedOne() -- of those that refused a connection the first that is to be tried again and has room
  avoided = avoided or redis.call('ZRANGE', KEYS[8], 0, 99)
  for _, endpoint in ipairs(avoided) do
    local pod = known[endpoint] or look(endpoint, redis.call('HGET', KEYS[7], endpoint) or 0)
    if pod.room > 0 then
      return pod
    end
  end
end

local function pick(endpoints)
  if named then
    local pod = look(named, override or ARGV[2])
    return pod.room > 0 and pod
  end
  return askedFor(endpoints) or picked() or avoidedOne()
end

local function place(lease, proxy, endpoints, at) -- returns the outcome, and the pod
  local pod = here[lease]
  at = at and string.match(at, '^[^ ]+')
  if pod or (at and (not named or at == named)) then
    pod = pod or look(at, 0)
    again[#again + 1] = lease
    again[#again + 1] = pod.endpoint
    return 1, pod
  end
  pod = pick(endpoints)
  if not pod then
    local hasPods = named or redis.call('ZCARD', KEYS[6]) > 0 or redis.call('ZCARD', KEYS[8]) > 0
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

local function writeRooms(pod, rooms)
  local score = packRoom(pod.room, pod.count, pod.soft, pod.zone)
  rooms[#rooms + 1] = score
  rooms[#rooms + 1] = pod.endpoint
  if pod.zone then
    redis.call('ZADD', zoneKey(pod.zone), score, pod.endpoint)
    redis.call('HINCRBY', KEYS[12], pod.zone, #pod.new / 2)
  end
end

local function write()
  local at, rooms = {}, {}
  for _, pod in ipairs(pods) do
    if pod.new then
      local set, proxies = podKeys(pod.endpoint)
      redis.call('ZADD', set, unpack(pod.new))
      for proxy, more in pairs(pod.proxies) do
        redis.call('HINCRBY', proxies, proxy, more)
      end
      if pod.isIndexed then
        writeRooms(pod, rooms)
      else
        changed[pod.endpoint] = (changed[pod.endpoint] or 0) + #pod.new / 2
      end
    end
  end
  for i, lease in ipairs(leases) do
    local pod, info = here[lease], ARGV[4 * i + 2]
    if pod then
      at[#at + 1] = lease
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
    local set = podKeys(again[i + 1])
    local held = redis.call('ZSCORE', set, again[i])
    local flags = held % 8
    redis.call('ZADD', set, math.max(expiry, held - flags) + flags - flags % 2 + 1, again[i]) -- spoken of again
  end
  noteChanges()
end

if not named and redis.call('ZCARD', KEYS[8]) > 0 then
  bringBack()
end
local ats = redis.call('HMGET', KEYS[3], unpack(leases))
local anyEnded = #leases == 1 or redis.call('ZCARD', KEYS[4]) > 0
for i, lease in ipairs(leases) do
  local outcome, pod = -1, false
  if not anyEnded or tonumber(redis.call('ZSCORE', KEYS[4], lease) or 0) <= now then
    outcome, pod = place(lease, ARGV[4 * i + 1], ARGV[4 * i + 3], ats[i])
  end
  result[3 * i - 2] = outcome
  result[3 * i - 1] = pod and pod.endpoint or ''
  result[3 * i] = pod and pod.count or 0
end
write()
if override then
  result[#result + 1] = override
elseif others ~= '' then -- and one more: one of them may be the chosen one
  local some = redis.call('ZRANGE', KEYS[6], '+inf', packRoom(1, 0), 'BYSCORE', 'REV', 'LIMIT', 0, others + 1)
  result[#result + 1] = table.concat(some, ' ')
end
return result
