SELECT
    incident_id, site_id, procedure, procedure_version, version, opened_at, opened_by, phase, deadline, updated_at,
    closed_at, outcome, disposition, alerts, calls, rounds, dispatches, requests, attentions,
    first_call_at, wait_started_at, wait_ended_at, dispatched_at, handed_over_at
FROM ledger.incidents
WHERE (%(incident)s::text IS NULL OR incident_id = %(incident)s)
    AND (NOT %(open)s OR closed_at IS NULL)
    AND (%(site)s::text IS NULL OR site_id = %(site)s)
    AND (%(since)s::bigint IS NULL OR opened_at >= ledger.instant(%(since)s))
    AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
ORDER BY opened_at DESC, incident_id
LIMIT %(limit)s
