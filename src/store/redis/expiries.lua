-- Tells when leases of a pod expire.
-- KEYS[1] leases
-- ARGV lease ids
-- returns for each its expiry, ms, with its marks (keys.ts), as text; false for one that is not there
local expiries = {}
for i, lease in ipairs(ARGV) do
  expiries[i] = redis.call('ZSCORE', KEYS[1], lease)
end
return expiries
