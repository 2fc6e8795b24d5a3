-- Tells what was to be closed since a time.
-- KEYS[1] what is asked for
-- ARGV[1] that time, ms, or 'now' for none of it
-- returns {now, ms, {what to close, ...}}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] == 'now' then
  return { now, {} }
end
return { now, redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], now) }
