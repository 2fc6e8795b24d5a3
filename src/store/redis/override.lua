#!lua flags=allow-oom
-- Notes an override of a pod's limit, or a cordon, or that one was taken back; and who did it.
-- KEYS[1] overrides, KEYS[2] when they end, KEYS[3] audit trail
-- ARGV[1] its kind and pod, ARGV[2] the other kind and this pod, ARGV[3] the decision, JSON, or '' to take it back,
--   ARGV[4] how long it is to last, ms, or '', ARGV[5] maximum number of overrides, ARGV[6] the entry of the audit trail,
--   JSON, or '' for none, ARGV[7] maximum number of those, ARGV[8] version of the override that is to be replaced, which
--   keeps the time at which it was decided, or ''
-- returns {'done', now, ms, version, the override of this kind or false, that of the other}; or, with nothing changed,
--   {'none', now, version} where there is none to take back, {'changed', now, version} where another is to be replaced, or
--   {'too many', now, version}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
local before = redis.call('HGET', KEYS[1], ARGV[1])
local isDecided = before and string.match(before, '^%d+ %d+ %d+ {')
if ARGV[3] == '' and not isDecided then
  return { 'none', now, known }
end
local replaced, at = string.match(before or '', '^(%d+) (%d+)')
if ARGV[8] ~= '' and ARGV[8] ~= replaced then
  return { 'changed', now, known }
end
if not before and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then
  return { 'too many', now, known }
end
local version = math.max(known + 1, now)
local decided = ARGV[8] ~= '' and at or now
local ends = ARGV[4] ~= '' and now + ARGV[4] or 0
redis.call('HSET', KEYS[1], 'version', version, ARGV[1], string.format('%d %d %d %s', version, decided, ends, ARGV[3]))
redis.call('ZADD', KEYS[2], ends > 0 and ends or '+inf', ARGV[1])
if ARGV[6] ~= '' then
  redis.call('ZADD', KEYS[3], now, version .. ' ' .. ARGV[6])
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[7] - 1)
end
return { 'done', now, version, redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[1], ARGV[2]) }
