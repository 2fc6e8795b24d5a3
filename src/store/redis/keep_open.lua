#!lua flags=allow-oom
-- Takes back what was asked to be closed of a pod for a reason, and is not due yet.
-- KEYS[1] what is asked for
-- ARGV[1] pod, ARGV[2] reason
-- returns how many connections are not closed
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
  local pod, reason = string.match(member, '^(%S+) %S+ (%S+)$')
  if pod == ARGV[1] and reason == ARGV[2] then
    kept = kept + redis.call('ZREM', KEYS[1], member)
  end
end
return kept
