SELECT
    count(*) AS waiting,
    coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::double precision AS seconds
FROM portal.outbox
