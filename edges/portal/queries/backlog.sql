SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::double precision FROM portal.outbox
