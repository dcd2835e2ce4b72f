SELECT coalesce(bool_or(has_schema_privilege(space.oid, 'USAGE') AND has_table_privilege(kind.oid, 'SELECT')), false)
    AS has_ledger
FROM pg_class AS kind
JOIN pg_namespace AS space ON space.oid = kind.relnamespace
WHERE space.nspname = 'ledger' AND kind.relname = 'incidents'
