-- Whether there is all of the ledger that incidents.sql and release.sql read, and it may be read.
SELECT count(kind.oid) = count(*) AND coalesce(
    bool_and(has_schema_privilege(kind.relnamespace, 'USAGE') AND has_table_privilege(kind.oid, 'SELECT')), false
) AS has_ledger
FROM unnest(
    ARRAY['alerts', 'attention', 'call_commands', 'dispatch_commands', 'incident_events', 'incident_ends']
) AS needed (name)
LEFT JOIN pg_namespace AS space ON space.nspname = 'ledger'
LEFT JOIN pg_class AS kind ON kind.relnamespace = space.oid AND kind.relname = needed.name
