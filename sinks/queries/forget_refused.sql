DELETE FROM ledger.refused WHERE coalesce(recorded_at, refused_at) < %s::date::timestamp AT TIME ZONE 'UTC'
