-- The last record of each site counts; one without a judgement is a tombstone.
WITH last AS (
    SELECT DISTINCT ON (site_id) *
    FROM staging_readiness
    ORDER BY site_id, kafka_offset DESC
),
deleted AS (
    DELETE FROM ledger.sites_readiness AS known
    USING last
    WHERE known.site_id = last.site_id AND last.at IS NULL
)
INSERT INTO ledger.sites_readiness AS known (
    site_id, subscribed, ready, needs_attention, missing, warnings, at, kafka_partition, kafka_offset
)
SELECT
    site_id, subscribed, ready, needs_attention, missing, warnings, ledger.instant(at), kafka_partition, kafka_offset
FROM last
WHERE at IS NOT NULL
ON CONFLICT (site_id) DO UPDATE SET
    subscribed = excluded.subscribed,
    ready = excluded.ready,
    needs_attention = excluded.needs_attention,
    missing = excluded.missing,
    warnings = excluded.warnings,
    at = excluded.at,
    kafka_partition = excluded.kafka_partition,
    kafka_offset = excluded.kafka_offset
