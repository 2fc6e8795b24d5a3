-- Reserves leases of one claim, that of a pod, as long as it has fewer than its limit. A lease that is held already is
-- admitted, and counts once.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended, if known, KEYS[6] override, if known
-- ARGV[1] limit, ARGV[2] lease id, ARGV[3] proxy id, ARGV[4] for how long it is reserved, ms, ARGV[5] info, or '';
--   then three more for each further lease: its id, proxy id, info
-- returns {1, count, "SUCCESS"}, {0, count, "LIMIT_EXCEEDED"}, or {-1, count, "ENDED"} for a lease whose end is known;
--   for several leases {1, 0 or -1, count, 1, 0 or -1, count, ...}; then the limit, for who knows of overrides and where
--   there is one
local override = redis.call('HGET', KEYS[6] or '{' .. KEYS[1] .. '}:override', 'limit')
local limit = tonumber(override or ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[4]) / 8) * 8 -- nobody has spoken of it yet (keys.ts)
local count = redis.call('ZCARD', KEYS[1])
local anyEnded = KEYS[4] ~= nil and redis.call('ZCARD', KEYS[4]) > 0
local added, infos = {}, {}

local function acquire(lease, proxy, info)
  if anyEnded and tonumber(redis.call('ZSCORE', KEYS[4], lease) or 0) > now then
    return -1
  end
  if count < limit and redis.call('ZADD', KEYS[1], 'NX', expiry, lease) == 1 then
    count = count + 1
    added[proxy] = (added[proxy] or 0) + 1
    if info ~= '' then
      infos[#infos + 1] = lease
      infos[#infos + 1] = info
    end
    return 1
  end
  local held = redis.call('ZSCORE', KEYS[1], lease)
  if not held then
    return 0
  end
  local flags = held % 8
  local latest = math.max(expiry, held - flags)
  redis.call('ZADD', KEYS[1], latest + flags - flags % 2 + 1, lease) -- spoken of again
  return 1
end

local result = { acquire(ARGV[2], ARGV[3], ARGV[5]), count }
for i = 6, #ARGV, 3 do
  result[#result + 1] = acquire(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  result[#result + 1] = count
end
for proxy, more in pairs(added) do
  redis.call('HINCRBY', KEYS[2], proxy, more)
end
if #infos > 0 then
  redis.call('HSET', KEYS[3], unpack(infos))
end
if #ARGV == 5 then
  result[3] = ({ [1] = 'SUCCESS', [0] = 'LIMIT_EXCEEDED', [-1] = 'ENDED' })[result[1]]
end
if override and KEYS[6] then
  result[#result + 1] = limit
end
return result
