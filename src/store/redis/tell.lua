#!lua flags=allow-oom
-- Notes news of proxies, for all gates.
-- KEYS: for each proxy the hash of what the fleet knows of its access log
-- ARGV[1] for how long it is remembered, ms; then ten values for each proxy, '' for what stays as it is:
--   longest interval between periodic entries, ms; interval of its keepalive, ms; 1 if a log stream is open;
--   when a stream was lost, ms, or 'now'; when a gate that heard it fell silent, ms;
--   1 if a connection was told on another stream; 1 if an entry got lost on a stream that did not break;
--   1 if its log overlooks a connection; for how long its silence is no evidence, ms;
--   1 if it has told of a connection for which a stream was held
-- returns 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #KEYS do
  local key, at = KEYS[i], 10 * (i - 1) + 1
  local function set(field, value)
    redis.call('HSET', key, field, value)
  end
  local function raise(field, value)
    if value > tonumber(redis.call('HGET', key, field) or 0) then
      set(field, value)
    end
  end
  for _, field in ipairs({ 'log', 'lost', 'stuck', 'found', 'missed', 'overlooked' }) do
    if tonumber(redis.call('HGET', key, field) or 0) > now then
      set(field, now) -- the clock was set back
    end
  end
  local interval, ping, logged, lost, stuck = unpack(ARGV, at + 1, at + 5)
  if interval ~= '' then
    set('interval', interval)
  end
  if ping ~= '' then
    set('ping', ping)
  end
  if logged == '1' then
    set('log', now)
  end
  if lost ~= '' then
    raise('lost', lost == 'now' and now or tonumber(lost))
  end
  if stuck ~= '' then
    raise('stuck', tonumber(stuck))
  end
  if ARGV[at + 6] == '1' then
    set('found', now)
  end
  if ARGV[at + 7] == '1' then
    set('missed', now)
  end
  if ARGV[at + 8] == '1' then
    set('overlooked', now)
  end
  if ARGV[at + 9] ~= '' then
    set('distrusted', now + ARGV[at + 9])
  end
  if ARGV[at + 10] == '1' then
    set('tellsHeld', 1)
  end
  redis.call('PEXPIREAT', key, now + ARGV[1])
end
return 1
