DELETE FROM ledger.incidents
WHERE closed_at < %(before)s::date::timestamp AT TIME ZONE 'UTC'
    OR incident_id IN (
        SELECT incident_id FROM ledger.incident_ends
        WHERE closed_at IS NULL AND set_aside_at < %(before)s::date::timestamp AT TIME ZONE 'UTC'
    )
