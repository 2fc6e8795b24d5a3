-- Tells one page of a pod's leases.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV[1] ZSCAN cursor, '0' to begin with, ARGV[2] approximate number of leases
-- returns {next cursor, '0' after the last page, {lease, its info or false, lease, its info or false, ...}}
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = {}
for i = 1, #page[2], 2 do
  local lease = page[2][i]
  found[#found + 1] = lease
  found[#found + 1] = redis.call('HGET', KEYS[3], lease)
end
return { page[1], found }
