#!lua flags=allow-oom
-- Puts leases of one pod into its set, whether or not they are there.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info
-- ARGV[1] time to live, ms, then for each lease: its id, and its info, or '' to leave it as it is
-- returns {how many were not there, count}
local time = redis.call('TIME')
local expiry = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
local created = 0
for i = 2, #ARGV, 2 do
  if redis.call('ZADD', KEYS[1], expiry, ARGV[i]) == 1 then
    created = created + 1
    redis.call('HINCRBY', KEYS[2], string.match(ARGV[i], '^(.*)_'), 1)
  end
  if ARGV[i + 1] ~= '' then
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  end
end
return { created, redis.call('ZCARD', KEYS[1]) }
