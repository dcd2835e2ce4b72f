-- Insert decisions into the timeline, and fold those that it did not have into their incidents. The decisions of an
-- incident come in the order of their versions. Sorted, neighbours in the indices are inserted one after the other.
WITH fresh AS (
    INSERT INTO {table} ({columns})
    SELECT {values}
    FROM {staging} AS record
    ORDER BY record.incident_id, record.version
    ON CONFLICT DO NOTHING
    RETURNING
        incident_id, procedure_version, site_id, version, at, input_kind, rule, phase_from, phase_to, round, position,
        deadline, disposition, calls, dispatches, requests, attentions
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY incident_id ORDER BY version DESC) = 1 AS is_last
    FROM fresh
    WHERE incident_id IS NOT NULL
)
INSERT INTO ledger.incidents AS known (
    incident_id, site_id, procedure, procedure_version, version, opened_at, opened_by,
    phase, round, position, deadline, updated_at, closed_at, outcome, disposition,
    alerts, calls, rounds, dispatches, requests, attentions,
    first_call_at, wait_started_at, wait_ended_at, dispatched_at, handed_over_at
)
SELECT
    incident_id,
    min(site_id),
    coalesce(
        CASE
            WHEN min(procedure_version) LIKE 'security/%' THEN 'SECURITY'
            WHEN min(procedure_version) LIKE 'fire/%' THEN 'FIRE'
        END,
        (SELECT procedure FROM ledger.call_commands AS c WHERE c.incident_id = ranked.incident_id LIMIT 1),
        (SELECT procedure FROM ledger.dispatch_commands AS d WHERE d.incident_id = ranked.incident_id LIMIT 1),
        (SELECT procedure FROM ledger.attention AS a WHERE a.incident_id = ranked.incident_id LIMIT 1)
    ),
    min(procedure_version),
    max(version),
    min(at),
    min(rule) FILTER (WHERE version = 1),
    min(phase_to) FILTER (WHERE is_last),
    min(round) FILTER (WHERE is_last),
    min(position) FILTER (WHERE is_last),
    min(deadline) FILTER (WHERE is_last),
    max(at),
    min(at) FILTER (WHERE phase_to = 'CLOSED' AND phase_from IS DISTINCT FROM 'CLOSED'),
    min(rule) FILTER (WHERE phase_to = 'CLOSED' AND phase_from IS DISTINCT FROM 'CLOSED'),
    min(disposition),
    count(*) FILTER (WHERE input_kind = 'ALERT'),
    sum(calls),
    coalesce(max(round), 0),
    sum(dispatches),
    sum(requests),
    sum(attentions),
    min(at) FILTER (WHERE calls > 0),
    min(at) FILTER (WHERE phase_to = 'WAITING' AND phase_from IS DISTINCT FROM 'WAITING'),
    min(at) FILTER (WHERE phase_from = 'WAITING' AND phase_to IS DISTINCT FROM 'WAITING'),
    min(at) FILTER (WHERE requests > 0),
    min(at) FILTER (WHERE phase_to = 'HANDED_OVER')
FROM ranked
GROUP BY incident_id
ON CONFLICT (incident_id) DO UPDATE SET
    procedure = coalesce(known.procedure, excluded.procedure),
    version = excluded.version,
    phase = excluded.phase,
    round = excluded.round,
    position = excluded.position,
    deadline = excluded.deadline,
    updated_at = excluded.updated_at,
    closed_at = excluded.closed_at,
    outcome = excluded.outcome,
    disposition = excluded.disposition,
    alerts = known.alerts + excluded.alerts,
    calls = known.calls + excluded.calls,
    rounds = greatest(known.rounds, excluded.rounds),
    dispatches = known.dispatches + excluded.dispatches,
    requests = known.requests + excluded.requests,
    attentions = known.attentions + excluded.attentions,
    first_call_at = coalesce(known.first_call_at, excluded.first_call_at),
    wait_started_at = coalesce(known.wait_started_at, excluded.wait_started_at),
    wait_ended_at = coalesce(known.wait_ended_at, excluded.wait_ended_at),
    dispatched_at = coalesce(known.dispatched_at, excluded.dispatched_at),
    handed_over_at = coalesce(known.handed_over_at, excluded.handed_over_at)
WHERE known.version < excluded.version
