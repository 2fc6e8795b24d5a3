#!lua flags=allow-oom
-- Notes the layout of a store of which none is noted, and tells the one that is.
-- KEYS[1] hash: 'layout' → the layout of all keys with this prefix
-- ARGV[1] the layout of the gate that asks
-- returns the layout of the store, as text
local layout = redis.call('HGET', KEYS[1], 'layout')
if not layout then
  layout = ARGV[1]
  redis.call('HSET', KEYS[1], 'layout', layout)
end
return layout
