#!lua flags=allow-oom
-- Notes which proxies log to a gate, and which no longer do.
-- KEYS[1] sorted set of the gate: proxy → when it was first heard, ms
-- ARGV[1] for how long it is remembered, ms, ARGV[2] number of proxies that log to it now, ARGV[3...] these proxies,
--   then those that no longer do
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
