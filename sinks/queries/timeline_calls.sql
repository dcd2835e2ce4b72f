SELECT
    command_id, action, round, position, contact_id, issued_at, expires_at,
    CASE WHEN %(personal)s THEN contact_name END AS contact_name,
    CASE WHEN %(personal)s THEN phone END AS phone
FROM ledger.call_commands
WHERE incident_id = %(incident)s
