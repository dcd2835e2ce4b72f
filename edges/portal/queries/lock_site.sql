-- Also of a site that is not there yet.
SELECT pg_advisory_xact_lock(hashtext('portal.site ' || %(site_id)s))
