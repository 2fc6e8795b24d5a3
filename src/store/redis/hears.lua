#!lua flags=allow-oom
-- Notes which proxies log to a gate, and which do so no more.
-- KEYS[1] sorted set of the gate: proxy → when it was first heard, ms
-- ARGV[1] how long it is remembered, ms, ARGV[2] how many more there are, ARGV[3...] those, then those of which no more
-- returns 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV do
  if i < 3 + ARGV[2] then
    redis.call('ZADD', KEYS[1], 'NX', now, ARGV[i])
  else
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
redis.call('PEXPIREAT', KEYS[1], now + ARGV[1])
return 1
