#!lua flags=allow-oom
-- Notes names on a roll as seen now, and tells which have not been seen for some time.
-- KEYS[1] the roll
-- ARGV[1] silence threshold, ms, ARGV[2] how many of the quiet ones to tell, at most, ARGV[3...] names
-- returns {now, ms, the quiet ones, each with when it was last seen, ms, how many are not quiet}
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
