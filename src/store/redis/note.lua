#!lua flags=allow-oom
-- Notes in the audit trail what somebody did.
-- KEYS[1] audit trail
-- ARGV[1] the entry, JSON, ARGV[2] maximum number of entries
-- returns now, ms
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, time[1] .. '.' .. time[2] .. ' ' .. ARGV[1]) -- no two entries are the same
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[2] - 1)
return now
