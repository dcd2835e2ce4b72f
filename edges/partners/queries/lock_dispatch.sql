SELECT pg_advisory_xact_lock(hashtextextended('partners.dispatch ' || %(dispatch_id)s, 0))
