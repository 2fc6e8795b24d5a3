#!lua flags=allow-oom
-- Takes leases past their expiry out of a pod's set: those whose end is evident from their proxy's silence, and those
-- of which nobody has spoken for too long.
-- KEYS[1] leases, KEYS[2] proxies, KEYS[3] info, KEYS[4] ended, KEYS[5] lapsed; for a pod of a service all others, too
-- ARGV[1] number of leases past their expiry to skip, oldest first: an earlier call looked at them, and they stay
-- ARGV[2] maximum number of leases to look at, so that no call holds Redis for long
-- ARGV[3] ttl, ms, ARGV[4] for how long a lease is reserved, ms
-- ARGV[5] maximum time without a word of a lease, whatever its proxy promises, ms
-- ARGV[6] for how long leases that were taken out by silence are remembered, ms
-- ARGV[7...] seven values for each silent proxy: its id; silence threshold, ms; a last word up to this time is no
--   evidence, ms; a last word after this time means that the log overlooks the lease, if it was never told, ms;
--   1 to leave all leases that were never told; 1 if its log tells of connections that streams hold;
--   of leases that a stream held, a last word after this time means that the log overlooks them
-- returns {leases taken by silence, leases taken because nobody spoke of them, 'proxy its-leases proxy its-leases ...' of
--   those that stay past their expiry, proxies whose log overlooks leases, number of leases that stay, 1 if there may be
--   more, count, 'proxy its-leases ...' of those that stay, that a stream held, and that no periodic log entry ever told}
-- @include pod
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local skip, batch = tonumber(ARGV[1]), tonumber(ARGV[2])
local ttl, reserve, unrenewedMax = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local silences = {}
for i = 7, #ARGV, 7 do
  silences[ARGV[i]] = {
    silent = tonumber(ARGV[i + 1]),
    unheardUntil = tonumber(ARGV[i + 2]),
    completeSince = tonumber(ARGV[i + 3]),
    toldOnly = ARGV[i + 4] == '1',
    tellsHeld = ARGV[i + 5] == '1',
    heldCompleteSince = tonumber(ARGV[i + 6]),
  }
end

-- No lease is good for longer than a ttl: the clock was set back. As written now, they would stay for as long as that.
local latest = now + math.max(ttl, reserve) + 1000
for _, lease in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. latest, '+inf', 'LIMIT', 0, batch)) do
  local flags = redis.call('ZSCORE', KEYS[1], lease) % 8
  redis.call('ZADD', KEYS[1], math.floor((now + ttl) / 8) * 8 + flags, lease)
end

local past = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now, 'WITHSCORES', 'LIMIT', skip, batch)
local silent, outlived, waiting, overlooked, unheld, left = {}, {}, {}, {}, {}, 0
for i = 1, #past, 2 do
  local lease, expiry = past[i], tonumber(past[i + 1])
  local proxy = string.match(lease, '^(.*)_')
  local lastWord = expiry - (expiry % 2 == 1 and ttl or reserve)
  local told, held = expiry % 4 >= 2, expiry % 8 >= 4
  local rule = silences[proxy]
  local isSilent = rule ~= nil and lastWord < now - rule.silent and lastWord > rule.unheardUntil
  if isSilent and not told then
    if held and not rule.tellsHeld then
      isSilent = false -- a log that does not tell of it says nothing by its silence
    elseif lastWord > (held and rule.heldCompleteSince or rule.completeSince) then
      overlooked[proxy] = true
      isSilent = false
    elseif rule.toldOnly then
      isSilent = false
    end
  end
  if isSilent or lastWord < now - unrenewedMax then
    takeOut(own, lease)
    local taken = isSilent and silent or outlived
    taken[#taken + 1] = lease
  else
    left = left + 1
    waiting[proxy] = (waiting[proxy] or 0) + 1
    if held and not told then
      unheld[proxy] = (unheld[proxy] or 0) + 1
    end
  end
end
if #silent > 0 then
  for _, lease in ipairs(silent) do
    redis.call('ZADD', KEYS[5], now + ARGV[6], lease)
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -10001) -- no more than 10,000
  redis.call('PEXPIREAT', KEYS[5], now + ARGV[6])
end
noteChanges()
local names = {}
for proxy in pairs(overlooked) do
  names[#names + 1] = proxy
end
local function text(leases)
  local words = {}
  for proxy, number in pairs(leases) do
    words[#words + 1] = proxy .. ' ' .. number
  end
  return table.concat(words, ' ')
end
local more = #past == 2 * batch and 1 or 0
return { silent, outlived, text(waiting), names, left, more, redis.call('ZCARD', KEYS[1]), text(unheld) }
