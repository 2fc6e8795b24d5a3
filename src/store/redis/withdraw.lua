#!lua flags=allow-oom
-- Takes those leases out of a pod's set that were acquired once and that nobody has spoken of again.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info; for a service, or a pod of one, all others, too
-- ARGV lease ids
-- returns the number of leases that it took out
-- @include pod
local removed = 0
for _, lease in ipairs(ARGV) do
  local endpoint = endpointOf(lease)
  local expiry = endpoint ~= false and redis.call('ZSCORE', (podKeys(endpoint)), lease)
  if expiry and expiry % 2 == 0 and takeOut(endpoint, lease) then
    removed = removed + 1
  end
end
noteChanges()
return removed
