INSERT INTO ledger.attention (
    attention_id, incident_id, site_id, procedure, reason, repeat, cause, covert,
    alert_kinds, alert_count, last_alert_at, raised_at, kafka_partition, kafka_offset
)
SELECT
    attention_id, incident_id, site_id, procedure, reason, repeat, cause, covert,
    alert_kinds, alert_count, ledger.instant(last_alert_at), ledger.instant(raised_at), kafka_partition, kafka_offset
FROM staging_attention
ON CONFLICT DO NOTHING;

UPDATE ledger.incidents AS incident
SET procedure = attention.procedure
FROM staging_attention AS attention
WHERE incident.incident_id = attention.incident_id AND incident.procedure IS NULL
