-- Each dispatch of these partners: its last command, and the steps reported so far.
SELECT last.*, coalesce(said.steps, '{}') AS steps
FROM (
    SELECT DISTINCT ON (dispatch_id) dispatch_id, partner_id, action, value, stored_at, seq
    FROM partners.commands
    WHERE partner_id = ANY (%(partners)s) AND stored_at > %(since)s
    ORDER BY dispatch_id, seq DESC
) AS last
LEFT JOIN LATERAL (
    SELECT array_agg(step ORDER BY seq) AS steps FROM partners.reports WHERE reports.dispatch_id = last.dispatch_id
) AS said ON true
WHERE NOT %(open)s OR NOT coalesce(said.steps, '{}') && ARRAY['closed', 'rejected']
ORDER BY last.seq DESC
LIMIT 500
