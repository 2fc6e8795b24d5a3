#!lua flags=allow-oom
-- Tells when the present incarnation of the leases began, and which gates have not come back since. A new one begins
-- when Redis may have lost leases: when its history is gone, or when a Redis process keeps the leases that did not
-- before (one that was restarted from its file, or a replica that took over).
-- KEYS[1] hash: 'since' → when it began, 'gates' → how many gates there were, 'back' → when the last of them came back;
--   name of each Redis process → when a gate last told of it; all times in ms
-- KEYS[2] sorted set: each gate that has come back → when, ms; gone when no gate is waited for any more
-- ARGV[1] for how long a process is remembered, ms, ARGV[2] the gate that asks
-- ARGV[3] how many gates it knew of, or 0 if it is new itself, ARGV[4] when the incarnation that it knew began, ms
-- ARGV[5] for how long gates are waited for, ms, ARGV[6...] the processes that keep the leases now
-- returns {when it began, ms, number of gates that are waited for, when the last one came back, ms}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(redis.call('HGET', KEYS[1], 'since') or nil)
local new = 0
for i = 6, #ARGV do
  new = new + redis.call('HSET', KEYS[1], ARGV[i], now)
end
if not since or new > 0 then
  since = now
  local known = redis.call('HGETALL', KEYS[1])
  for i = 1, #known, 2 do
    if tonumber(known[i + 1]) < now - ARGV[1] then
      redis.call('HDEL', KEYS[1], known[i])
    end
  end
  redis.call('HSET', KEYS[1], 'since', now, 'gates', 0, 'back', now)
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1)
end

local back = tonumber(redis.call('HGET', KEYS[1], 'back') or since)
if now >= since + ARGV[5] then
  return { since, 0, back }
end
local gates = tonumber(redis.call('HGET', KEYS[1], 'gates') or 0)
local wasThere = tonumber(ARGV[3]) > 0 and tonumber(ARGV[4]) ~= since
if wasThere and redis.call('ZADD', KEYS[2], 'NX', now, ARGV[2]) == 1 then
  redis.call('PEXPIREAT', KEYS[2], since + ARGV[5])
  gates = math.max(gates, ARGV[3])
  back = now
  redis.call('HSET', KEYS[1], 'gates', gates, 'back', back)
end
return { since, math.max(0, gates - redis.call('ZCARD', KEYS[2])), back }
