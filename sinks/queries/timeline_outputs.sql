SELECT {columns}
FROM {table} AS record
WHERE record.incident_id = %(incident)s
