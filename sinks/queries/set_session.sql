-- Set those that this version of PostgreSQL knows.
SELECT pg_catalog.set_config(known.name, given.setting, false)
FROM unnest(%s::text[], %s::text[]) AS given (name, setting)
JOIN pg_catalog.pg_settings AS known ON lower(known.name) = lower(given.name)
