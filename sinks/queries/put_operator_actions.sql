INSERT INTO ledger.operator_actions (
    action_id, site_id, incident_id, action, reason, operator,
    taken_at, received_at, kafka_partition, kafka_offset
)
SELECT
    action_id, site_id, incident_id, action,
    CASE WHEN NOT ledger.is_erased(site_id, NULL, ledger.instant(received_at)) THEN reason END,
    operator, ledger.instant(taken_at), ledger.instant(received_at), kafka_partition, kafka_offset
FROM staging_operator_actions
ON CONFLICT DO NOTHING
