-- What happened at the desks about an incident: it is named, or no incident of its site is. Of the attention that its
-- site was set aside, which names none, people take care behind its end.
SELECT {columns}
FROM {table} AS record
WHERE record.incident_id = %(incident)s
    OR (record.site_id = %(site)s AND record.subject = ANY(%(aside)s::text[]))
    OR (
        record.incident_id IS NULL AND record.site_id = %(site)s
        AND record.received_at >= ledger.instant(%(opened)s)
        AND record.received_at <= coalesce(ledger.instant(%(until)s::bigint), 'infinity')
    )
ORDER BY record.kafka_offset
