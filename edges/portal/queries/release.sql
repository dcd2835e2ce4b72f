-- One row where the site has the incident, since it was made again if it was. Only one that is over is released.
WITH incident AS (
    SELECT ended_at IS NOT NULL AS is_over
    FROM ledger.incident_ends
    WHERE site_id = %(site_id)s AND incident_id = %(incident_id)s AND opened_at > (
        SELECT since FROM portal.people_since WHERE site_id = %(site_id)s
    )
),
released AS (
    INSERT INTO portal.releases (site_id, incident_id, at, by)
    SELECT %(site_id)s, %(incident_id)s, %(at)s, %(by)s FROM incident WHERE incident.is_over
    ON CONFLICT DO NOTHING
)
SELECT is_over FROM incident
