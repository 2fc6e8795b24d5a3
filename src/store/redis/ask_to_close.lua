#!lua flags=allow-oom
-- Asks the gate that holds a stream for each of these connections to close it.
-- KEYS[1] what is asked for
-- ARGV[1] for how long it is remembered, ms, ARGV[2] maximum number that is remembered, ARGV[3...] what to close
-- returns now, ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[2] - 1)
redis.call('PEXPIREAT', KEYS[1], now + ARGV[1])
return now
