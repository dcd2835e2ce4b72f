-- A site's incidents as its people may see them, the newest first. What must stay silent is left out here, so that it
-- never reaches the portal: incidents with HOLD_UP among their kinds, and those that were covert from their beginning.
-- One that turned covert has ended there, well. Where not all of an incident is in the ledger, it is left out too.
-- Support may release one that is over: it is then shown as it was. The limit counts what is shown: else a list that is
-- shorter would tell of a silent one. Incidents are judged one by one in the order of their index, until it is reached.
-- Those from before the site was made again are of the people whom it had then.
WITH known AS (
    SELECT incident.*, release.incident_id IS NOT NULL AND incident.ended_at IS NOT NULL AS is_released
    FROM ledger.incident_ends AS incident
    LEFT JOIN portal.releases AS release USING (site_id, incident_id)
    WHERE incident.site_id = %(site_id)s AND incident.opened_at > (
        SELECT since FROM portal.people_since WHERE site_id = %(site_id)s
    )
),
judged AS (
    SELECT
        known.*,
        covert.since AS covert_since,
        raised.*,
        raised.names_hold_up OR EXISTS (
            SELECT FROM ledger.call_commands AS command
            WHERE command.incident_id = known.incident_id AND 'HOLD_UP' = ANY(command.alert_kinds)
        ) OR EXISTS (
            SELECT FROM ledger.dispatch_commands AS command
            WHERE command.incident_id = known.incident_id AND 'HOLD_UP' = ANY(command.alert_kinds)
        ) OR EXISTS (
            SELECT FROM ledger.attention AS attention
            WHERE attention.incident_id = known.incident_id AND 'HOLD_UP' = ANY(attention.alert_kinds)
        ) AS is_hold_up
    FROM known
    CROSS JOIN LATERAL (
        SELECT min(mark.at) AS since
        FROM (
            SELECT event.at FROM ledger.incident_events AS event
            WHERE event.incident_id = known.incident_id AND event.rule = 'DURESS'
            UNION ALL
            SELECT command.issued_at FROM ledger.dispatch_commands AS command
            WHERE command.incident_id = known.incident_id AND command.covert
            UNION ALL
            SELECT attention.raised_at FROM ledger.attention AS attention
            WHERE attention.incident_id = known.incident_id AND attention.covert
        ) AS mark
    ) AS covert
    CROSS JOIN LATERAL (
        SELECT
            count(DISTINCT event.version) AS versions,
            coalesce(bool_or(alert.kind = 'HOLD_UP'), false) AS names_hold_up,
            bool_and(alert.kind IS NOT NULL) FILTER (WHERE event.input_kind = 'ALERT') AS knows_alerts,
            array_agg(DISTINCT alert.kind) FILTER (WHERE alert.kind IS NOT NULL) AS all_kinds,
            array_agg(DISTINCT alert.kind) FILTER (
                WHERE alert.kind IS NOT NULL AND event.at <= coalesce(covert.since, event.at)
            ) AS seen_kinds
        FROM ledger.incident_events AS event
        LEFT JOIN ledger.alerts AS alert
            ON event.input_kind = 'ALERT'
            AND alert.kafka_partition = event.input_partition
            AND alert.kafka_offset = event.input_offset
            AND alert.alert_id = event.input_id
            AND alert.site_id = event.site_id
        WHERE event.incident_id = known.incident_id
    ) AS raised
)
SELECT
    incident_id,
    CASE WHEN is_released THEN coalesce(all_kinds, '{}') ELSE seen_kinds END AS kinds,
    (extract(epoch FROM opened_at) * 1000)::bigint AS opened_at,
    (extract(epoch FROM CASE WHEN is_released THEN ended_at ELSE coalesce(covert_since, ended_at) END) * 1000)::bigint
        AS ended_at,
    CASE
        WHEN NOT is_released AND covert_since IS NOT NULL THEN 'WELL'
        WHEN ended_at IS NULL THEN NULL
        WHEN set_aside_at IS NOT NULL THEN 'SET_ASIDE'
        WHEN outcome IN ('RESOLVED', 'RESOLVED_BY_CALLBACK') THEN 'WELL'
        WHEN outcome = 'INTERVENTION_CLOSED' THEN 'AFTER_INTERVENTION'
        ELSE 'BY_THE_CENTRE'
    END AS ending
FROM judged
WHERE is_released OR (
    NOT is_hold_up
    AND knows_alerts
    AND versions = version
    AND seen_kinds IS NOT NULL
    AND (covert_since IS NULL OR covert_since > opened_at)
)
ORDER BY judged.opened_at DESC, incident_id
LIMIT %(limit)s
