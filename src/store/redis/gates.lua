-- Tells which gates are members, when each was last seen, and what they have told of themselves, at one instant.
-- KEYS[1] the gates, KEYS[2] hash: gate → JSON {version, node, startedMs, held}
-- ARGV[1] maximum number of gates
-- returns {now, ms, {gate, when it was last seen, ms, ...}, {gate, its JSON, ...}}
local time = redis.call('TIME')
return {
  time[1] * 1000 + math.floor(time[2] / 1000),
  redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES'),
  redis.call('HGETALL', KEYS[2]),
}
