INSERT INTO ledger.call_results (
    result_id, site_id, incident_id, command_id, contact_id, direction, outcome, situation, message_left,
    detail, operator, ended_at, received_at, kafka_partition, kafka_offset
)
SELECT
    result_id, site_id, incident_id, command_id, contact_id, direction, outcome, situation, message_left,
    CASE
        WHEN detail IS NOT NULL AND NOT ledger.is_erased(
            site_id,
            coalesce(
                contact_id,
                (SELECT call.contact_id FROM ledger.call_commands AS call
                    WHERE call.command_id = staging_call_results.command_id LIMIT 1)
            ),
            ledger.instant(received_at)
        ) THEN detail
    END,
    operator, ledger.instant(ended_at), ledger.instant(received_at), kafka_partition, kafka_offset
FROM staging_call_results
ON CONFLICT DO NOTHING
