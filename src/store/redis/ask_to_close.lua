#!lua flags=allow-oom
-- Asks the gate that holds a stream for each of these connections to close it.
-- KEYS[1] what is asked for
-- ARGV[1] for how long it is remembered after it is due, ms, ARGV[2] maximum number that is remembered, ARGV[3...] in how
--   many ms, and what to close, and so on
-- returns now, ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], now + ARGV[i], ARGV[i + 1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[2] - 1)
local latest = redis.call('ZRANGE', KEYS[1], 0, 0, 'REV', 'WITHSCORES')[2] or now
redis.call('PEXPIREAT', KEYS[1], latest + ARGV[1])
return now
