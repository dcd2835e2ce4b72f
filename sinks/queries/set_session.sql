-- Set what this version of PostgreSQL knows of these.
SELECT pg_catalog.set_config(known.name, wanted.setting, false)
FROM unnest(%s::text[], %s::text[]) AS wanted (name, setting)
JOIN pg_catalog.pg_settings AS known ON lower(known.name) = lower(wanted.name)
