-- Tells how many leases each of some pods has, and how many of them each proxy holds, at one instant.
-- KEYS: leases and proxies of each pod
-- returns {count, 'proxy its-leases proxy its-leases ...', ...}: one string is less work, at both ends, than a list
local counts = {}
for i = 1, #KEYS, 2 do
  counts[i] = redis.call('ZCARD', KEYS[i])
  counts[i + 1] = table.concat(redis.call('HGETALL', KEYS[i + 1]), ' ')
end
return counts
