-- The attempts; a command that was given up without any has none of its own, and stands there when it was stored.
SELECT
    attempts.at, commands.partner_id, commands.command_id, commands.action, attempts.number, attempts.outcome,
    attempts.status, attempts.ended_at, commands.state,
    attempts.ended_at IS NULL AND attempts.number = commands.attempts AND commands.leased_until > %(now)s AS is_under_way
FROM partners.attempts
JOIN partners.commands ON commands.command_id = attempts.command_id
WHERE %(id)s::text IS NULL OR %(id)s IN (commands.partner_id, commands.dispatch_id, commands.command_id)
UNION ALL
SELECT
    commands.stored_at, commands.partner_id, commands.command_id, commands.action, 0, NULL, NULL, NULL, commands.state,
    false
FROM partners.commands
JOIN partners.partners ON partners.partner_id = commands.partner_id
WHERE commands.attempts = 0
    AND commands.state = 'GIVEN_UP'
    AND (%(id)s::text IS NULL OR %(id)s IN (commands.partner_id, commands.dispatch_id, commands.command_id))
ORDER BY at DESC, number DESC
LIMIT %(most)s
