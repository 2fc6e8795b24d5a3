#!lua flags=allow-oom
-- Does nothing. Redis refuses to run it where no script may write: on a replica, when it cannot save to its disk, when
-- it has lost more of its replicas than its own configuration allows.
-- KEYS[1] any key of ours: some services refuse a script without keys
-- returns 1
return 1
