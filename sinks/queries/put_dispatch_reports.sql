INSERT INTO ledger.dispatch_reports (
    report_id, site_id, incident_id, dispatch_id, partner_id, status, disposition, reason,
    reported_at, received_at, kafka_partition, kafka_offset
)
SELECT
    report_id, site_id, incident_id, dispatch_id, partner_id, status, disposition,
    CASE WHEN NOT ledger.is_erased(site_id, NULL, ledger.instant(received_at)) THEN reason END,
    ledger.instant(reported_at), ledger.instant(received_at), kafka_partition, kafka_offset
FROM staging_dispatch_reports
ON CONFLICT DO NOTHING
