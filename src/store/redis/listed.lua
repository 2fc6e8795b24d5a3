#!lua flags=allow-oom
-- Notes which list of a service's pods a gate has, and tells which of all lists counts: the one to which a gate has changed last.
-- KEYS as of a pod of a service, of no pod: KEYS[13] lists
-- ARGV[1] gate, ARGV[2] the list, ARGV[3] for how long a gate's word counts, ms
-- returns {1 if this list counts, 1 if it is enrolled, a gate that has the one that counts}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lists, latest = {}, 0
local flat = redis.call('HGETALL', KEYS[13])
for i = 1, #flat, 2 do
  local list, changed, seen = string.match(flat[i + 1], '^(%S+) (%d+) (%d+)$')
  if list and now - seen > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[13], flat[i])
  elseif list then
    lists[flat[i]] = { name = list, changed = tonumber(changed) }
    latest = math.max(latest, changed)
  end
end
local before = lists[ARGV[1]]
local changed = before and before.name == ARGV[2] and before.changed
if not before then
  for _, list in pairs(lists) do
    if list.name == ARGV[2] then
      changed = math.max(changed or 0, list.changed)
    end
  end
end
lists[ARGV[1]] = { name = ARGV[2], changed = changed or math.max(now, latest + 1) }
local by = ARGV[1]
for gate, list in pairs(lists) do
  local best = lists[by]
  if list.changed > best.changed or (list.changed == best.changed and list.name > best.name) then
    by = gate
  end
end
redis.call('HSET', KEYS[13], ARGV[1], string.format('%s %d %d', ARGV[2], lists[ARGV[1]].changed, now))
redis.call('PEXPIREAT', KEYS[13], now + 24 * 60 * 60 * 1000)
local counts = lists[by].name == ARGV[2]
local enrolled = redis.call('HGET', KEYS[13], '=enrolled') == ARGV[2]
return { counts and 1 or 0, enrolled and 1 or 0, counts and ARGV[1] or by }
