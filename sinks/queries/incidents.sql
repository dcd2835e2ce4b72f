SELECT {columns}
FROM ledger.incident_ends
WHERE (%(incident)s::text IS NULL OR incident_id = %(incident)s)
    -- There is an index of those that no decision closed.
    AND (NOT %(open)s OR closed_at IS NULL AND set_aside_at IS NULL)
    AND (%(site)s::text IS NULL OR site_id = %(site)s)
    AND (%(since)s::bigint IS NULL OR opened_at >= ledger.instant(%(since)s))
    AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
ORDER BY opened_at DESC, incident_id
LIMIT %(limit)s
