-- The last command of a dispatch, the steps reported, since when it is known, and since when it is over.
SELECT
    last.dispatch_id, last.partner_id, last.site_id, last.incident_id, last.is_test, last.action, last.value,
    coalesce(said.steps, '{}') AS steps,
    (SELECT min(stored_at) FROM partners.commands WHERE dispatch_id = %(dispatch_id)s) AS began_at,
    least(said.closed_at, CASE WHEN last.action = 'CANCEL' THEN last.stored_at END) AS over_at
FROM (
    SELECT * FROM partners.commands WHERE dispatch_id = %(dispatch_id)s ORDER BY seq DESC LIMIT 1
) AS last
CROSS JOIN LATERAL (
    SELECT array_agg(step ORDER BY seq) AS steps, min(taken_at) FILTER (WHERE step = 'closed') AS closed_at
    FROM partners.reports WHERE reports.dispatch_id = last.dispatch_id
) AS said
