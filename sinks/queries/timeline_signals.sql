SELECT {columns}
FROM {table} AS record
WHERE record.site_id = %(site)s
    AND record.received_at >= ledger.instant(%(since)s)
    AND record.received_at <= coalesce(ledger.instant(%(until)s::bigint), 'infinity')
ORDER BY record.received_at, record.kafka_offset
