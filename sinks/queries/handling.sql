-- First calls by the day their incidents were opened (UTC), procedure and kind: from the command to who took it first.
-- What nobody took but somebody answered counts by its answer; what nobody took until it expired was missed.
WITH first_calls AS (
    SELECT
        (incident.opened_at AT TIME ZONE 'UTC')::date AS day,
        incident.procedure,
        call.command_id,
        call.issued_at,
        call.expires_at,
        CASE
            WHEN 'HOLD_UP' = ANY (call.alert_kinds) THEN 'HOLD_UP'
            WHEN 'FIRE' = ANY (call.alert_kinds) THEN 'FIRE'
            WHEN 'INTRUSION' = ANY (call.alert_kinds) THEN 'INTRUSION'
            WHEN 'TAMPER' = ANY (call.alert_kinds) THEN 'TAMPER'
            ELSE 'OTHER'
        END AS kind,
        call.incident_id,
        call.site_id
    FROM ledger.incidents AS incident
    JOIN ledger.call_commands AS call USING (incident_id)
    WHERE incident.opened_at >= ledger.instant(%(since)s) AND incident.opened_by IS NOT NULL
        AND call.issued_at >= ledger.instant(%(since)s) AND call.action = 'CALL'
        AND call.round = 1 AND call.position = 1
        AND call.site_id IS DISTINCT FROM %(left_out)s::text
),
handled AS (
    SELECT
        first_calls.*,
        coalesce(
            (
                SELECT min(claim.received_at)
                FROM ledger.claims AS claim
                WHERE claim.site_id = first_calls.site_id
                    AND claim.subject = first_calls.command_id AND claim.action IN ('TAKE', 'TAKE_OVER')
                    -- So that few are looked at. The command's time is its partition's, the claim's the broker's, and
                    -- by default a broker takes no command that is more than an hour ahead of it.
                    AND claim.received_at >= first_calls.issued_at - interval '1 hour'
            ),
            (SELECT min(ended_at) FROM ledger.call_results AS result WHERE result.command_id = first_calls.command_id)
        ) - issued_at AS delay
    FROM first_calls
)
SELECT
    day,
    procedure,
    kind,
    count(*) AS calls,
    ARRAY[
        count(*) FILTER (WHERE delay <= make_interval(secs => %(first)s)),
        count(*) FILTER (WHERE delay <= make_interval(secs => %(second)s)),
        count(*) FILTER (WHERE delay <= make_interval(secs => %(third)s)),
        count(*) FILTER (WHERE delay <= make_interval(secs => %(fourth)s))
    ] AS within
FROM handled
WHERE delay IS NOT NULL
    OR (
        expires_at <= now()
        AND NOT EXISTS (
            SELECT FROM ledger.call_commands AS cancel
            WHERE cancel.incident_id = handled.incident_id AND cancel.action = 'CANCEL'
                AND cancel.target_command_id = handled.command_id
        )
    )
GROUP BY day, procedure, kind
ORDER BY day, procedure, kind
