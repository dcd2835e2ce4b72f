-- The keys of one transaction of Kafka; those changed meanwhile wait on. Locked in the order of those who write.
WITH done AS (
    SELECT outbox.topic, outbox.key
    FROM portal.outbox AS outbox
    JOIN unnest(%(topic)s::text[], %(key)s::text[], %(change)s::bigint[]) AS done (topic, key, change)
        ON outbox.topic = done.topic AND outbox.key = done.key AND outbox.change = done.change
    ORDER BY outbox.key
    FOR UPDATE OF outbox
)
DELETE FROM portal.outbox AS outbox USING done WHERE outbox.topic = done.topic AND outbox.key = done.key
