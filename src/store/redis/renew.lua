#!lua flags=allow-oom
-- Puts leases into a pod's set, whether or not they are there; but none that has ended. One that another pod of the
-- service has is renewed there, if anybody has spoken of it since it was placed there, and it has not moved; else this pod
-- has it from now on.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended; for a pod of a service all others, too
-- ARGV[1] time to live, ms, ARGV[2] number of leases that keep their info
-- ARGV[3] a character for each lease, '0' and those after it: 1 if a periodic log entry has told it, plus 2 if this gate has
--   never renewed it, plus 4 if a stream is held open for as long as its connection, plus 8 if it is at this pod, whatever
--   pod of the service has it, plus 16 if a periodic log entry is overdue
-- ARGV[4...] the leases that keep their info, then the others, each followed by its new info
-- returns {number of leases that were not there, count, proxies with a told lease that another gate renewed before,
--   proxies with a lease that is overdue}
-- @include pod
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[1]) / 8) * 8 + 1 -- spoken of again (keys.ts)
local created = 0
local inherited, overdue = {}, {}

local function note(names, lease) -- its proxy, once
  local proxy = string.match(lease, '^(.*)_')
  if not names[proxy] then
    names[proxy] = true
    names[#names + 1] = proxy
  end
end

local function settle(lease, moved) -- returns the set that is to have it, and whose that is
  local endpoint = endpointOf(lease)
  if not endpoint or endpoint == own then
    return KEYS[1], own
  end
  local leases = podKeys(endpoint)
  local expiry = redis.call('ZSCORE', leases, lease)
  if expiry and expiry % 2 == 1 and not moved then
    return leases, endpoint
  end
  takeOut(endpoint, lease)
  return KEYS[1], own
end

local function renew(lease, place, info)
  local flags = string.byte(ARGV[3], place) - 48
  local first, isOverdue = flags % 4 >= 2, flags >= 16
  local leases, endpoint = settle(lease, flags % 16 >= 8)
  local before = redis.call('ZSCORE', leases, lease) or 0
  local wasTold = before % 4 >= 2
  if wasTold and first then
    note(inherited, lease)
  end
  local told = flags % 2 == 1 or wasTold
  local held = flags % 8 >= 4 or before % 8 >= 4
  if isOverdue and not told then
    note(overdue, lease)
  end
  if redis.call('ZADD', leases, expiry + (told and 2 or 0) + (held and 4 or 0), lease) == 0 then
    if info then
      noteInfo(endpoint, lease, info)
    end
    return
  end
  if tonumber(redis.call('ZSCORE', KEYS[4], lease) or 0) > now then
    redis.call('ZREM', leases, lease)
    return
  end
  created = created + 1
  redis.call('HINCRBY', KEYS[2], string.match(lease, '^(.*)_'), 1)
  noteInfo(own, lease, info or '')
  if service then
    changed[own] = (changed[own] or 0) + 1
  end
end

local others = 4 + ARGV[2]
for i = 4, others - 1 do
  renew(ARGV[i], i - 3)
end
local place = others - 4
for i = others, #ARGV, 2 do
  place = place + 1
  renew(ARGV[i], place, ARGV[i + 1])
end
noteChanges()
return { created, redis.call('ZCARD', KEYS[1]), inherited, overdue }
