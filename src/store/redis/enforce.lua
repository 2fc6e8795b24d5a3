#!lua flags=allow-oom
-- Enforces the override of a pod's limit from now on, or the configured limit again.
-- KEYS as of a pod, with its override last
-- ARGV[1] version of the overrides that say so, ARGV[2] limit, or '' for none, ARGV[3] when it ends, ms, or '',
--   ARGV[4] for how long it is remembered that there is none, ms
-- returns 1, or 0 where a later version is enforced already
-- @include pod
local override = KEYS[#KEYS]
if tonumber(redis.call('HGET', override, 'version') or 0) > tonumber(ARGV[1]) then
  return 0
end
redis.call('HDEL', override, 'version', 'limit') -- and when it goes
redis.call('HSET', override, 'version', ARGV[1])
if ARGV[2] == '' then
  local time = redis.call('TIME')
  redis.call('PEXPIREAT', override, time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[4])
else
  redis.call('HSET', override, 'limit', ARGV[2])
  if ARGV[3] ~= '' then
    redis.call('PEXPIREAT', override, ARGV[3])
  end
end
if service and redis.call('HGET', KEYS[7], own) then
  local configured = redis.call('HGET', KEYS[10], own) or redis.call('HGET', KEYS[7], own)
  redis.call('HSET', KEYS[7], own, ARGV[2] ~= '' and ARGV[2] or configured)
  noteRoom(own)
end
return 1
