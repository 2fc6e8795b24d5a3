#!lua flags=allow-oom
-- Notes what a gate tells of itself.
-- KEYS[1] hash: gate → JSON {version, node, startedMs, held}
-- ARGV[1] the gate, ARGV[2] its JSON
-- returns 1
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
