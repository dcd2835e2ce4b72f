INSERT INTO {table} ({columns})
SELECT {values}
FROM {staging} AS record
ON CONFLICT DO NOTHING
