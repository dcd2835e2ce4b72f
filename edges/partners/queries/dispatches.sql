-- Each dispatch of these partners: its last command, and the steps reported so far. It is open until `closed`, or until
-- `rejected`, which what is said later takes back.
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
WHERE NOT %(open)s OR said.steps IS NULL
    OR said.steps[cardinality(said.steps)] <> 'rejected' AND 'closed' <> ALL (said.steps)
ORDER BY last.seq DESC
LIMIT 500
