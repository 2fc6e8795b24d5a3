#!lua flags=allow-oom
-- Takes those leases out of a pod's set that were acquired once and that nobody has spoken of again.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV lease ids
-- returns the number of leases that it took out
local removed = 0
for _, lease in ipairs(ARGV) do
  local expiry = redis.call('ZSCORE', KEYS[1], lease)
  if expiry and expiry % 2 == 0 then
    redis.call('ZREM', KEYS[1], lease)
    removed = removed + 1
    local proxy = string.match(lease, '^(.*)_')
    if redis.call('HINCRBY', KEYS[2], proxy, -1) <= 0 then
      redis.call('HDEL', KEYS[2], proxy)
    end
    redis.call('HDEL', KEYS[3], lease)
  end
end
return removed
