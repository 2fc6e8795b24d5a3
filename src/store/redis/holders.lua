-- Tells who holds these leases of a pod.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV leases
-- returns {info or false, expiry, ms, with its marks (keys.ts), as text, or false, ...}, in their order
local found = {}
for i = 1, #ARGV do
  found[2 * i - 1] = redis.call('HGET', KEYS[3], ARGV[i])
  found[2 * i] = redis.call('ZSCORE', KEYS[1], ARGV[i])
end
return found
