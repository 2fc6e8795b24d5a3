#!lua flags=allow-oom
-- Notes members as seen now, and tells which have been silent.
-- KEYS[1] a membership: the gates, the proxies or the pods
-- ARGV[1] silence threshold, ms, ARGV[2] maximum number of silent members to tell, ARGV[3...] names
-- returns {now, ms, the silent members, each with when it was last seen, ms, number of those that are not silent}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[i])
end
-- Nobody was seen in the future: the clock was set back.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'LIMIT', 0, 1000)) do
  redis.call('ZADD', KEYS[1], now, name)
end
return {
  now,
  redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2]),
  redis.call('ZCOUNT', KEYS[1], now - ARGV[1], '+inf'),
}
