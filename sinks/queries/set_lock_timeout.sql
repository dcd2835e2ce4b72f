-- Until the end of the transaction: give up a lock that others keep for so long.
SELECT set_config('lock_timeout', %s, true)
