INSERT INTO ledger.refused (topic, kafka_partition, kafka_offset, key, value, reason, recorded_at)
SELECT
    topic, kafka_partition, kafka_offset, key,
    CASE WHEN NOT EXISTS (
        SELECT
        FROM ledger.erasures AS erasure
        WHERE (erasure.site_id = '' OR convert_to(erasure.site_id, 'UTF8') = key)
            AND (erasure.contact_id = '' OR position(convert_to(erasure.contact_id, 'UTF8') IN value) > 0)
            AND (
                recorded_at IS NULL
                OR ledger.is_before(erased_at, ends, topic, recorded_at, kafka_partition, kafka_offset)
            )
    ) THEN value END,
    reason, recorded_at
FROM (VALUES (%s::text, %s::integer, %s::bigint, %s::bytea, %s::bytea, %s::text, ledger.instant(%s)))
    AS refused (topic, kafka_partition, kafka_offset, key, value, reason, recorded_at)
ON CONFLICT DO NOTHING
