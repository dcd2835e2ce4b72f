SELECT {columns}
FROM {table} AS record
WHERE record.site_id = %(site)s
    AND record.reason = 'FAILED'
    AND record.incident_id IS NULL
    AND record.raised_at = ledger.instant(%(at)s)
