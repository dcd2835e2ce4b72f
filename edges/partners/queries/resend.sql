-- Post a command again: it must be the last one of its dispatch.
UPDATE partners.commands
SET state = 'PENDING', began_at = %(now)s, due_at = %(now)s, leased_until = 0,
    gives_up_at = greatest(gives_up_at, %(now)s + CASE WHEN action = 'REQUEST' THEN 1000 ELSE 600000 END)
WHERE command_id = %(command_id)s
    AND NOT EXISTS (
        SELECT FROM partners.commands AS later
        WHERE later.dispatch_id = commands.dispatch_id AND later.seq > commands.seq
    )
RETURNING partner_id
