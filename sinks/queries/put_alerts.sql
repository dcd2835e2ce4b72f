INSERT INTO ledger.alerts (
    alert_id, site_id, kind, raised_at, zone, detail, source, received_at, kafka_partition, kafka_offset
)
SELECT
    alert_id, site_id, kind, ledger.instant(raised_at), zone,
    CASE WHEN NOT ledger.is_erased(site_id, NULL, ledger.instant(received_at)) THEN detail END,
    source, ledger.instant(received_at), kafka_partition, kafka_offset
FROM staging_alerts
ON CONFLICT DO NOTHING
