#!lua flags=allow-oom
-- Takes leases of one pod out of its set.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV lease ids
-- returns how many were there
local removed = 0
for _, lease in ipairs(ARGV) do
  if redis.call('ZREM', KEYS[1], lease) == 1 then
    removed = removed + 1
    local proxy = string.match(lease, '^(.*)_')
    if redis.call('HINCRBY', KEYS[2], proxy, -1) <= 0 then
      redis.call('HDEL', KEYS[2], proxy)
    end
    redis.call('HDEL', KEYS[3], lease)
  end
end
return removed
