#!lua flags=allow-oom
-- Tells since when Redis has lost nothing. It may have when this key is gone, and when a Redis process keeps the leases
-- that did not before: one that was restarted from its file, or a replica that took over.
-- KEYS[1] hash: 'since' → when that last happened; the name of each process → when a gate last told of it; ms
-- ARGV[1] for how long a process is remembered, ms, ARGV[2...] the names of those that keep the leases now
-- returns since when, ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = redis.call('HGET', KEYS[1], 'since')
local new = 0
for i = 2, #ARGV do
  new = new + redis.call('HSET', KEYS[1], ARGV[i], now)
end
if since and new == 0 then
  return tonumber(since)
end
redis.call('HSET', KEYS[1], 'since', now)
local known = redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  if tonumber(known[i + 1]) < now - ARGV[1] then
    redis.call('HDEL', KEYS[1], known[i])
  end
end
return now
