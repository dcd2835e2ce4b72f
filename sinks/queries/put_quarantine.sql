INSERT INTO ledger.quarantined (
    site_id, alert_id, reason, missing, at, kind, raised_at,
    input_topic, input_partition, input_offset, site_offset, kafka_partition, kafka_offset
)
SELECT
    site_id, alert_id, reason, missing, ledger.instant(at), kind, ledger.instant(raised_at),
    input_topic, input_partition, input_offset, site_offset, kafka_partition, kafka_offset
FROM staging_quarantine
ON CONFLICT DO NOTHING
