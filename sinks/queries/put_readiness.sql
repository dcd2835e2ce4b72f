-- The last record of each site counts; one without a judgement is a tombstone.
WITH last AS (
    SELECT DISTINCT ON (site_id) *
    FROM {staging}
    ORDER BY site_id, kafka_offset DESC
),
deleted AS (
    DELETE FROM {table} AS known
    USING last
    WHERE known.site_id = last.site_id AND last.at IS NULL
)
INSERT INTO {table} ({columns})
SELECT {values}
FROM last AS record
WHERE at IS NOT NULL
ON CONFLICT (site_id) DO UPDATE SET {replaced}
