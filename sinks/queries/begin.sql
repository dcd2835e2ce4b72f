-- Who erases waits until this transaction is over, and this one sees all that was erased before.
SELECT pg_advisory_xact_lock_shared(hashtext('ledger.erasures'))
