-- Tells who holds these leases of a pod.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV leases
-- returns {info or false, ...}, in their order
local found = {}
for i = 1, #ARGV do
  found[i] = redis.call('HGET', KEYS[3], ARGV[i])
end
return found
