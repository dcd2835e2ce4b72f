-- A site that the engine set aside has an attention FAILED without an incident (procedure.md §7): what was open there has
-- ended, and no decision says so. Attentions and decisions come in any order, from several sinks at a time, and again, so
-- this is put together as it is read.

CREATE INDEX attention_set_aside ON ledger.attention (site_id, raised_at)
WHERE reason = 'FAILED' AND incident_id IS NULL;

CREATE VIEW ledger.incident_ends AS
SELECT
    incident.incident_id,
    incident.site_id,
    incident.procedure,
    incident.procedure_version,
    incident.version,
    incident.opened_at,
    incident.opened_by,
    incident.phase,
    CASE WHEN set_aside.at IS NULL THEN incident.round END AS round,
    CASE WHEN set_aside.at IS NULL THEN incident.position END AS position,
    CASE WHEN set_aside.at IS NULL THEN incident.deadline END AS deadline,
    incident.updated_at,
    incident.closed_at,
    set_aside.at AS set_aside_at,
    coalesce(incident.closed_at, set_aside.at) AS ended_at,
    incident.outcome,
    incident.disposition,
    incident.alerts,
    incident.calls,
    incident.rounds,
    incident.dispatches,
    incident.requests,
    incident.attentions,
    incident.first_call_at,
    incident.wait_started_at,
    incident.wait_ended_at,
    incident.dispatched_at,
    incident.handed_over_at,
    incident.waited,
    coalesce(incident.closed_at, set_aside.at) - incident.opened_at AS open_for
FROM ledger.incidents AS incident
CROSS JOIN LATERAL (
    -- Behind its last decision. An input of the same instant comes after it, so what that opens goes on.
    SELECT min(attention.raised_at) AS at
    FROM ledger.attention AS attention
    WHERE incident.closed_at IS NULL
        AND attention.site_id = incident.site_id
        AND attention.reason = 'FAILED'
        AND attention.incident_id IS NULL
        AND attention.raised_at >= incident.updated_at
        AND (
            attention.raised_at > incident.updated_at
            OR incident.opened_by IS NULL
            OR incident.opened_at < attention.raised_at
        )
        -- A site's state is its partition's. Where retention has taken the decision, nobody knows of another one.
        AND NOT EXISTS (
            SELECT FROM ledger.incident_events AS event
            WHERE event.incident_id = incident.incident_id AND event.version = incident.version
                AND event.kafka_partition <> attention.kafka_partition
        )
) AS set_aside;
COMMENT ON VIEW ledger.incident_ends IS
    'One row an incident, with when it ended: closed by a decision, or as the engine set its site aside; whichever record of the two came first.';
COMMENT ON COLUMN ledger.incident_ends.phase IS 'Where it stands; where it stood, if its site was set aside.';
COMMENT ON COLUMN ledger.incident_ends.round IS 'Round of the call outstanding, else null.';
COMMENT ON COLUMN ledger.incident_ends.position IS 'Position of the call outstanding, else null.';
COMMENT ON COLUMN ledger.incident_ends.deadline IS 'When it goes on by itself; null once it has ended.';
COMMENT ON COLUMN ledger.incident_ends.closed_at IS 'When a decision closed it, else null.';
COMMENT ON COLUMN ledger.incident_ends.set_aside_at IS
    'When the engine set its site aside and so ended it, without a decision or an outcome; else null.';
COMMENT ON COLUMN ledger.incident_ends.ended_at IS 'When it ended, by either; null while open.';
COMMENT ON COLUMN ledger.incident_ends.open_for IS 'From opening to end; null while open.';

-- Who may read incidents may read how they ended.
DO $$
DECLARE
    reader text;
BEGIN
    FOR reader IN
        SELECT DISTINCT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
        FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid = 'ledger.incidents'::regclass AND privilege_type = 'SELECT'
    LOOP
        EXECUTE format('GRANT SELECT ON ledger.incident_ends TO %s', reader);
    END LOOP;
END
$$;
