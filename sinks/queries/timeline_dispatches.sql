SELECT
    command_id, action, dispatch_id, partner_id, attempt, reason, covert, issued_at, respond_by,
    CASE WHEN %(personal)s THEN address END AS address,
    CASE WHEN %(personal)s THEN instructions END AS instructions
FROM ledger.dispatch_commands
WHERE incident_id = %(incident)s
