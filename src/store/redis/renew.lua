#!lua flags=allow-oom
-- Puts leases of one pod into its set, whether or not they are there; but none that has ended.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended
-- ARGV[1] time to live, ms, then for each lease: its id, and its info, or '' to leave it as it is
-- returns {how many it put in, count}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = math.floor((now + ARGV[1]) / 2) * 2 + 1 -- odd: spoken of again (keys.ts)
local created = 0
for i = 2, #ARGV, 2 do
  local lease, info = ARGV[i], ARGV[i + 1]
  if redis.call('ZADD', KEYS[1], expiry, lease) == 1 then
    if tonumber(redis.call('ZSCORE', KEYS[4], lease) or 0) > now then
      redis.call('ZREM', KEYS[1], lease)
      info = ''
    else
      created = created + 1
      redis.call('HINCRBY', KEYS[2], string.match(lease, '^(.*)_'), 1)
    end
  end
  if info ~= '' then
    redis.call('HSET', KEYS[3], lease, info)
  end
end
return { created, redis.call('ZCARD', KEYS[1]) }
