-- Tells the newest entries of the audit trail.
-- KEYS[1] audit trail
-- ARGV[1] maximum number
-- returns {version and entry, when, ms, ...}, the newest first
return redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'REV', 'WITHSCORES')
