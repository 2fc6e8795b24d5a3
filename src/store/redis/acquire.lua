-- Leases of one pod, as long as there is room for them. A lease that is held already is admitted, and counts once.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV[1] max, ARGV[2] lease id, ARGV[3] proxy id, ARGV[4] how long it is reserved, ms, ARGV[5] info, or '' for none;
--   then three more for each further lease: its id, proxy id, info
-- returns {1, count, "SUCCESS"} or {0, count, "LIMIT_EXCEEDED"}; of several leases {1 or 0, count, 1 or 0, count, ...}
local max = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[4]) / 2) * 2 -- even: spoken of once (keys.ts)
local count = redis.call('ZCARD', KEYS[1])
local added, infos = {}, {}

local function acquire(lease, proxy, info)
  if count < max and redis.call('ZADD', KEYS[1], 'NX', expiry, lease) == 1 then
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
  local latest = math.max(expiry, math.floor(held / 2) * 2)
  redis.call('ZADD', KEYS[1], latest + 1, lease) -- odd: spoken of again
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
  result[3] = result[1] == 1 and 'SUCCESS' or 'LIMIT_EXCEEDED'
end
return result
