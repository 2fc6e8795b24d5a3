#!lua
-- Appends events to the stream, and publishes each on the channel of its topic. Each entry names the one before it.
-- (No allow-oom: when the memory is full, leases need it more.)
-- KEYS[1] stream
-- ARGV[1] entries to keep; ARGV[2] what channels begin with; then for each event: its topic, its JSON
-- returns the id of the last entry
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local before = top and top[1] or '0-0'
for i = 3, #ARGV, 2 do
  before = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[1], '*', 'before', before, 'event', ARGV[i + 1])
  redis.call('PUBLISH', ARGV[2] .. ARGV[i], ARGV[i + 1])
end
return before
