SELECT
    attempts.at, commands.partner_id, commands.command_id, commands.action, attempts.number, attempts.outcome,
    attempts.status, attempts.ended_at, commands.state,
    attempts.ended_at IS NULL AND attempts.number = commands.attempts AND commands.leased_until > %(now)s AS is_under_way
FROM partners.attempts
JOIN partners.commands ON commands.command_id = attempts.command_id
WHERE %(id)s::text IS NULL OR %(id)s IN (commands.partner_id, commands.dispatch_id, commands.command_id)
ORDER BY attempts.at DESC, attempts.number DESC
LIMIT %(most)s
