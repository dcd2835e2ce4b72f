-- Reports that Kafka may not have: of one dispatch, or all that were taken before a time; each dispatch's in order.
SELECT
    reports.report_id, reports.dispatch_id, reports.step, reports.disposition, reports.reason, reports.reported_at,
    commands.site_id, commands.incident_id, commands.partner_id
FROM partners.reports
CROSS JOIN LATERAL (
    SELECT site_id, incident_id, partner_id
    FROM partners.commands WHERE commands.dispatch_id = reports.dispatch_id ORDER BY seq LIMIT 1
) AS commands
WHERE reports.acknowledged_at IS NULL
    AND reports.report_id <> ALL (%(under_way)s)
    AND (reports.dispatch_id = %(dispatch_id)s OR reports.taken_at < %(before)s)
ORDER BY reports.seq
LIMIT 500
