INSERT INTO ledger.dispatch_commands (
    command_id, dispatch_id, action, attempt, incident_id, site_id, partner_id, procedure, reason, covert,
    alert_kinds, alert_count, first_alert_at, last_alert_at, address, instructions,
    issued_at, respond_by, cause, kafka_partition, kafka_offset
)
SELECT
    command_id, dispatch_id, action, attempt, incident_id, site_id, partner_id, procedure, reason, covert,
    alert_kinds, alert_count, ledger.instant(first_alert_at), ledger.instant(last_alert_at),
    CASE WHEN NOT is_erased THEN address END,
    CASE WHEN NOT is_erased THEN instructions END,
    ledger.instant(issued_at), ledger.instant(respond_by), cause, kafka_partition, kafka_offset
FROM staging_dispatches
CROSS JOIN LATERAL (SELECT ledger.is_erased(site_id, NULL, ledger.instant(issued_at))) AS erasure (is_erased)
ON CONFLICT DO NOTHING;

UPDATE ledger.incidents AS incident
SET procedure = dispatch.procedure
FROM staging_dispatches AS dispatch
WHERE incident.incident_id = dispatch.incident_id AND incident.procedure IS NULL
