INSERT INTO partners.reports (report_id, dispatch_id, step, disposition, reason, reported_at, taken_at, acknowledged_at)
VALUES (
    %(report_id)s, %(dispatch_id)s, %(step)s, %(disposition)s, %(reason)s, %(reported_at)s, %(now)s,
    CASE WHEN %(is_test)s THEN %(now)s::bigint END
)
ON CONFLICT DO NOTHING
