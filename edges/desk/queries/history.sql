-- A site's incidents in the ledger, the latest first; times in milliseconds since 1970, UTC.
SELECT
    incident_id, procedure, phase, outcome, disposition, alerts, calls, dispatches,
    (extract(epoch FROM opened_at) * 1000)::bigint AS opened_at,
    (extract(epoch FROM closed_at) * 1000)::bigint AS closed_at,
    (extract(epoch FROM set_aside_at) * 1000)::bigint AS set_aside_at
FROM ledger.incident_ends
WHERE site_id = %(site)s
ORDER BY incident_ends.opened_at DESC
LIMIT %(most)s
