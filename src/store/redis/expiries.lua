-- Tells when leases of a pod expire.
-- KEYS[1] leases; for a pod of a service all others, too
-- ARGV lease ids
-- returns for each its expiry, ms, with its marks (keys.ts), as text; false for one that is not there
-- @include pod
local expiries = {}
for i, lease in ipairs(ARGV) do
  local endpoint = endpointOf(lease)
  expiries[i] = endpoint ~= false and redis.call('ZSCORE', (podKeys(endpoint)), lease)
end
return expiries
