#!lua flags=allow-oom
-- Tells which leases of a pod were taken out by silence and have been spoken of again, and forgets them.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended, KEYS[5] lapsed
-- ARGV lease ids
-- returns the lease ids that were taken out by silence
local found = {}
for _, lease in ipairs(ARGV) do
  if redis.call('ZREM', KEYS[5], lease) == 1 then
    found[#found + 1] = lease
  end
end
return found
