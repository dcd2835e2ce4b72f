-- A report, once. Of taps that say it again their times are kept, as each may come again behind a further step; more of
-- them than guards make are nobody's.
INSERT INTO partners.reports (report_id, dispatch_id, step, disposition, reason, reported_at, taken_at, acknowledged_at)
VALUES (
    %(report_id)s, %(dispatch_id)s, %(step)s, %(disposition)s, %(reason)s, %(reported_at)s, %(now)s,
    CASE WHEN %(is_test)s THEN %(now)s::bigint END
)
ON CONFLICT (report_id) DO UPDATE SET taps = reports.taps || excluded.reported_at
WHERE %(is_tap)s AND cardinality(reports.taps) < 100
