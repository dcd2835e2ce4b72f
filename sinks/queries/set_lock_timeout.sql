-- Until the end of the transaction, give up waiting for a lock after so long.
SELECT set_config('lock_timeout', %s, true)
