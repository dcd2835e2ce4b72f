SELECT pg_advisory_xact_lock(hashtext('portal.transmitter ' || %(account)s))
