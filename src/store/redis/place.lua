-- Reserves leases at pods of a service: each at the pod with the most room, or all at the one that is named. A pod that
-- refused a connection of late is only taken where no other has room. A lease that one of the pods has already is admitted
-- there, and counts once; but one that is to be at the named pod goes there.
-- KEYS[1] leases, KEYS[2] proxies of the named pod, or of none, KEYS[3] info, KEYS[4] ended, KEYS[5] lapsed, KEYS[6] at,
--   KEYS[7] room, KEYS[8] limits, KEYS[9] avoided
-- ARGV[1] for how long they are reserved, ms, ARGV[2] limit of the named pod, or '' where none is named
-- ARGV[3...] three for each lease: its id, proxy id, info or ''
-- returns for each lease {1, endpoint, count}, {0, '' or the named one, its count or 0} where no pod has room, {-1, '', 0} for one whose end is known, or
--   {-2, '', 0} where the service has no pods that are known here; all of them in one list; then the override of the named
--   pod, where it has one
-- @include pod
local named = ARGV[2] ~= '' and own
local override = named and overrideOf(named)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[1]) / 16) * 16 -- nobody has spoken of it yet (keys.ts)
local anyEnded = redis.call('ZCARD', KEYS[4]) > 0
local result = {}
local placed, infos, here, added = {}, {}, {}, {} -- what is written at the end: a call for each would cost more

local function answer(outcome, endpoint)
  result[#result + 1] = outcome
  result[#result + 1] = endpoint or ''
  result[#result + 1] = endpoint and redis.call('ZCARD', (podKeys(endpoint))) or 0
end

local function speakAgain(endpoint, lease)
  local leases = podKeys(endpoint)
  local held = redis.call('ZSCORE', leases, lease)
  local flags = held % 16
  redis.call('ZADD', leases, math.max(expiry, held - flags) + flags - flags % 2 + 1, lease)
end

local function bringBack() -- those that have been avoided for long enough
  for _, endpoint in ipairs(redis.call('ZRANGEBYSCORE', KEYS[9], '-inf', now, 'LIMIT', 0, 10)) do
    redis.call('ZREM', KEYS[9], endpoint)
    redis.call('ZADD', KEYS[7], 0, endpoint)
    noteRoom(endpoint)
  end
end

local function roomOf(endpoint, limit)
  return limit - redis.call('ZCARD', (podKeys(endpoint)))
end

-- As many pods as leases are asked for, those with the most room first. Each in turn gives one slot to those of its level,
-- and is one level lower then: so after each round they are in order again.
local index, level, turn

local function loadIndex()
  local flat = redis.call('ZRANGE', KEYS[7], 0, (#ARGV - 2) / 3 - 1, 'REV', 'WITHSCORES')
  index = {}
  for i = 1, #flat, 2 do
    index[#index + 1] = { endpoint = flat[i], room = tonumber(flat[i + 1]) }
  end
  turn = 1
  level = index[1] and index[1].room or 0
end

local function roomiest()
  if not index then
    loadIndex()
  end
  if not index[turn] or index[turn].room < level then
    turn = 1
    level = index[1] and index[1].room or 0
  end
  local pod = index[turn]
  if not pod or pod.room <= 0 then
    return nil
  end
  pod.room = pod.room - 1
  pod.changed = true
  turn = turn + 1
  return pod.endpoint
end

local function pick()
  if named then
    return roomOf(named, override or ARGV[2]) > 0 and named
  end
  local endpoint = roomiest()
  if endpoint then
    return endpoint
  end
  local next = redis.call('ZRANGE', KEYS[9], 0, 0)[1] -- the one that is to be tried first again
  return next and roomOf(next, redis.call('HGET', KEYS[8], next) or 0) > 0 and next
end

local function isUnknown()
  return not named and not index[1] and not redis.call('ZRANGE', KEYS[9], 0, 0)[1]
end

local function place(lease, proxy, info)
  if anyEnded and tonumber(redis.call('ZSCORE', KEYS[4], lease) or 0) > now then
    return answer(-1)
  end
  local at = here[lease] or endpointOf(lease)
  if at and (not named or at == named) then
    speakAgain(at, lease)
    return answer(1, at)
  end
  local endpoint = pick()
  if not endpoint then
    return answer(isUnknown() and -2 or 0, named or nil)
  end
  if at then
    takeOut(at, lease)
  end
  local leases, proxies = podKeys(endpoint)
  redis.call('ZADD', leases, expiry, lease)
  added[proxies] = added[proxies] or {}
  added[proxies][proxy] = (added[proxies][proxy] or 0) + 1
  here[lease] = endpoint
  placed[#placed + 1] = lease
  placed[#placed + 1] = endpoint
  if info ~= '' then
    infos[#infos + 1] = lease
    infos[#infos + 1] = info
  end
  answer(1, endpoint)
end

local function write()
  for proxies, byProxy in pairs(added) do
    for proxy, more in pairs(byProxy) do
      redis.call('HINCRBY', proxies, proxy, more)
    end
  end
  if #placed > 0 then
    redis.call('HSET', KEYS[6], unpack(placed))
  end
  if #infos > 0 then
    redis.call('HSET', KEYS[3], unpack(infos))
  end
  local rooms = {}
  for _, pod in ipairs(index or {}) do
    if pod.changed then
      rooms[#rooms + 1] = pod.room
      rooms[#rooms + 1] = pod.endpoint
    end
  end
  if #rooms > 0 then
    redis.call('ZADD', KEYS[7], unpack(rooms))
  end
  if named then
    changed[named] = true
  end
  noteChanges()
end

if not named then
  bringBack()
end
for i = 3, #ARGV, 3 do
  place(ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
write()
if override then
  result[#result + 1] = override
end
return result
