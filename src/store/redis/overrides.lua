#!lua flags=allow-oom
-- Tells all overrides, if they are others than those that the asker knows; and ends those of which the time has come.
-- KEYS[1] overrides, KEYS[2] when they end, KEYS[3] audit trail
-- ARGV[1] the version that the asker knows, ARGV[2] maximum number to end, ARGV[3] maximum number of entries of the audit
--   trail
-- returns {now, ms, version, {pod of a limit that has ended, ...}, {kind and pod, override, ..., and 'version'}, or {}}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
local expired = {}
for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local override = redis.call('HGET', KEYS[1], field)
  redis.call('HDEL', KEYS[1], field)
  redis.call('ZREM', KEYS[2], field)
  version = math.max(version + 1, now)
  if override and string.match(override, '^%d+ %d+ %d+ {') then
    local pod = string.match(field, ' (.*)$')
    expired[#expired + 1] = pod
    local entry = cjson.encode({ action = 'limit.expired', by = 'wsgate', pod = pod })
    redis.call('ZADD', KEYS[3], now, version .. ' ' .. entry)
  end
  redis.call('HSET', KEYS[1], 'version', version)
end
if #expired > 0 then
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[3] - 1)
end
return { now, version, expired, tonumber(ARGV[1]) == version and {} or redis.call('HGETALL', KEYS[1]) }
