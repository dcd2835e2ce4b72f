-- Incidents by the day they were opened (UTC) and by procedure; times in milliseconds.
WITH chosen AS (
    SELECT *, (opened_at AT TIME ZONE 'UTC')::date AS day
    FROM ledger.incident_ends
    WHERE opened_at >= ledger.instant(%(since)s) AND opened_by IS NOT NULL
        AND site_id IS DISTINCT FROM %(left_out)s::text
),
first_calls AS (
    -- From the opening alert's record on Kafka to the first call commanded.
    SELECT chosen.incident_id, chosen.first_call_at - alert.received_at AS delay
    FROM chosen
    JOIN ledger.incident_events AS event
        ON event.incident_id = chosen.incident_id AND event.version = 1 AND event.input_topic = 'alerts'
        AND event.at >= ledger.instant(%(since)s)
    JOIN ledger.alerts AS alert
        ON alert.kafka_partition = event.input_partition AND alert.kafka_offset = event.input_offset
),
reached AS (
    -- Incidents in which a contact gave a code, in an answer to a call of round 1.
    SELECT DISTINCT call.incident_id
    FROM ledger.call_commands AS call
    JOIN ledger.call_results AS result ON result.command_id = call.command_id
    WHERE call.issued_at >= ledger.instant(%(since)s) AND call.round = 1
        AND result.direction = 'OUTBOUND' AND result.outcome IN ('IDENTIFIED', 'DURESS_CODE')
),
requests AS (
    SELECT incident_id, dispatch_id, min(issued_at) AS requested_at
    FROM ledger.dispatch_commands
    WHERE issued_at >= ledger.instant(%(since)s) AND action = 'REQUEST'
    GROUP BY incident_id, dispatch_id
),
answers AS (
    SELECT dispatch_id, min(received_at) AS answered_at
    FROM ledger.dispatch_reports
    WHERE dispatch_id IN (SELECT dispatch_id FROM requests) AND status <> 'UNKNOWN'
    GROUP BY dispatch_id
),
responses AS (
    -- From the first request to the partner's first answer.
    SELECT chosen.day, chosen.procedure, answered_at - requested_at AS delay
    FROM chosen
    JOIN requests USING (incident_id)
    LEFT JOIN answers USING (dispatch_id)
),
of_partners AS (
    SELECT
        day,
        procedure,
        count(delay) AS answered,
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM delay) * 1000) AS response
    FROM responses
    GROUP BY day, procedure
)
SELECT
    chosen.day,
    chosen.procedure,
    count(*) AS incidents,
    count(*) FILTER (WHERE ended_at IS NULL) AS open,
    count(*) FILTER (WHERE outcome = 'RESOLVED') AS resolved,
    count(*) FILTER (WHERE outcome = 'RESOLVED_BY_CALLBACK') AS resolved_by_callback,
    count(*) FILTER (WHERE outcome = 'INTERVENTION_CLOSED') AS intervention_closed,
    count(*) FILTER (WHERE outcome = 'OPERATOR_CLOSED') AS operator_closed,
    count(set_aside_at) AS set_aside,
    count(first_call_at) AS called,
    count(reached.incident_id) AS reached_in_round_1,
    percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM delay) * 1000) AS first_call,
    count(waited) AS waits,
    percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM waited) * 1000) AS wait,
    sum(dispatches) AS dispatches,
    max(coalesce(answered, 0)) AS answered,
    max(response) AS response
FROM chosen
LEFT JOIN first_calls USING (incident_id)
LEFT JOIN reached USING (incident_id)
LEFT JOIN of_partners ON of_partners.day = chosen.day AND of_partners.procedure IS NOT DISTINCT FROM chosen.procedure
GROUP BY chosen.day, chosen.procedure
ORDER BY chosen.day, chosen.procedure
