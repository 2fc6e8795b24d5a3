-- How many leases a pod has, and how many of them each proxy holds, at one instant.
-- KEYS[1] leases, KEYS[2] proxies
-- returns {count, 'proxy its-leases proxy its-leases ...'}: one string is less work, at both ends, than a list
return { redis.call('ZCARD', KEYS[1]), table.concat(redis.call('HGETALL', KEYS[2]), ' ') }
