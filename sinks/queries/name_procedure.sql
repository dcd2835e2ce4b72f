-- An incident whose decisions do not say by which procedure it runs: its commands do.
UPDATE ledger.incidents AS incident
SET procedure = command.procedure
FROM {staging} AS command
WHERE incident.incident_id = command.incident_id AND incident.procedure IS NULL
