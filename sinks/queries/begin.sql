-- An erasure waits for the end of this transaction, which sees all erasures of before.
SELECT pg_advisory_xact_lock_shared(hashtext('ledger.erasures'))
