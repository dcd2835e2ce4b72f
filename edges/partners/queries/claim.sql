-- Take what is due, of each partner that has room, for one attempt each; note that the attempt begins. A partner that is
-- full has room for first attempts of AMENDs and CANCELs until it is crowded.
WITH due AS (
    SELECT found.command_id
    FROM partners.partners
    CROSS JOIN LATERAL (
        SELECT commands.command_id
        FROM partners.commands
        WHERE commands.partner_id = partners.partner_id
            AND commands.state = 'PENDING'
            AND commands.due_at <= %(now)s
            AND commands.leased_until <= %(now)s
            AND commands.gives_up_at > %(now)s
            AND (partners.partner_id <> ALL (%(full)s::text[]) OR commands.action <> 'REQUEST' AND commands.attempts = 0)
        ORDER BY commands.due_at, commands.seq
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ) AS found
    WHERE partners.partner_id <> ALL (%(crowded)s::text[])
),
taken AS (
    UPDATE partners.commands
    SET owner = %(owner)s, leased_until = %(leased_until)s, attempts = commands.attempts + 1
    FROM due
    WHERE commands.command_id = due.command_id
    RETURNING commands.*
),
noted AS (
    INSERT INTO partners.attempts (command_id, number, at)
    SELECT command_id, attempts, %(now)s FROM taken
)
SELECT
    taken.command_id, taken.dispatch_id, taken.partner_id, taken.action, taken.value, taken.began_at, taken.gives_up_at,
    taken.attempts AS number, partners.url, partners.allow_private,
    (SELECT array_agg(secret ORDER BY added_at) FROM partners.secrets WHERE partner_id = taken.partner_id) AS secrets
FROM taken
JOIN partners.partners ON partners.partner_id = taken.partner_id
ORDER BY taken.seq
