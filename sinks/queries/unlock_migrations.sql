SELECT pg_advisory_unlock(hashtext('ledger.migrate'))
