-- Tells what the fleet knows of the access logs of some proxies.
-- KEYS: for each proxy its hash (tell.lua)
-- returns for each {field, value, field, value, ...}
local known = {}
for i = 1, #KEYS do
  known[i] = redis.call('HGETALL', KEYS[i])
end
return known
