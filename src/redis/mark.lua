#!lua flags=allow-oom
-- Keeps the mark of the Redis process that has this data (process-name.ts).
-- KEYS[1] hash: 'mark' → the name of the process
-- ARGV[1] the name that is expected there, or '', ARGV[2] the name to put in its place, or '' to change nothing
-- returns the name that is kept then, or ''
local kept = redis.call('HGET', KEYS[1], 'mark') or ''
if ARGV[2] ~= '' and kept == ARGV[1] then
  redis.call('HSET', KEYS[1], 'mark', ARGV[2])
  kept = ARGV[2]
end
return kept
