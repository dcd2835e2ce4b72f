INSERT INTO ledger.call_commands (
    command_id, action, target_command_id, incident_id, site_id, procedure, round, position,
    contact_id, contact_name, phone, language,
    alert_kinds, leave_message, issued_at, expires_at, kafka_partition, kafka_offset
)
SELECT
    command_id, action, target_command_id, incident_id, site_id, procedure, round, position,
    contact_id,
    CASE WHEN NOT is_erased THEN contact_name END,
    CASE WHEN NOT is_erased THEN phone END,
    CASE WHEN NOT is_erased THEN language END,
    alert_kinds, leave_message, ledger.instant(issued_at), ledger.instant(expires_at), kafka_partition, kafka_offset
FROM staging_calls
CROSS JOIN LATERAL (SELECT ledger.is_erased(site_id, contact_id, ledger.instant(issued_at))) AS erasure (is_erased)
ON CONFLICT DO NOTHING;

-- A result that came before its call did not know whom it is about.
UPDATE ledger.call_results AS result
SET detail = NULL
FROM staging_calls AS call
WHERE result.command_id = call.command_id AND result.detail IS NOT NULL
    AND ledger.is_erased(call.site_id, call.contact_id, result.received_at);

UPDATE ledger.incidents AS incident
SET procedure = call.procedure
FROM staging_calls AS call
WHERE incident.incident_id = call.incident_id AND incident.procedure IS NULL
