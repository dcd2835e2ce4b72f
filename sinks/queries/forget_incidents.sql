DELETE FROM ledger.incidents WHERE closed_at < %s::date::timestamp AT TIME ZONE 'UTC'
