-- Tells some of a pod's leases.
-- KEYS[1] leases
-- ARGV[1] ZSCAN cursor, '0' to begin with, ARGV[2] approximate number of leases
-- returns {next cursor, '0' at the end, {lease, ...}}; a lease may come twice
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = {}
for i = 1, #page[2], 2 do
  found[#found + 1] = page[2][i]
end
return { page[1], found }
