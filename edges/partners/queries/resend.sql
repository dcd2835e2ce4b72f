-- Post again a command, the last one of a dispatch, or what was given up of a partner; each the last of its dispatch, and
-- for a partner that is asked over HTTP. Of what was given up, that is left out which the partner has heard of otherwise,
-- as its reports show (`is_reported`): any answers a REQUEST; that it is over makes an AMEND or a CANCEL needless, and an
-- AMEND to who rejected the dispatch would be the request once more.
-- `began_at` tells the attempts from those before.
WITH found AS (
    SELECT
        command_id, partner_id,
        %(id)s NOT IN (command_id, dispatch_id) AND steps IS NOT NULL AND (
            action = 'REQUEST'
            OR 'closed' = ANY (steps)
            OR action = 'AMEND' AND steps[cardinality(steps)] = 'rejected'
        ) AS is_reported
    FROM partners.commands
    CROSS JOIN LATERAL (
        SELECT array_agg(step ORDER BY seq) AS steps FROM partners.reports
        WHERE reports.dispatch_id = commands.dispatch_id
    ) AS said
    WHERE (
        command_id = %(id)s
        OR dispatch_id = %(id)s
        OR partner_id = %(id)s AND state = 'GIVEN_UP' AND stored_at > %(since)s
    )
        AND EXISTS (SELECT FROM partners.partners WHERE partners.partner_id = commands.partner_id)
        AND NOT EXISTS (
            SELECT FROM partners.commands AS later
            WHERE later.dispatch_id = commands.dispatch_id AND later.seq > commands.seq
        )
    FOR UPDATE OF commands -- another one may have posted it meanwhile
),
posted AS (
    UPDATE partners.commands
    SET state = 'PENDING', began_at = greatest(%(now)s, began_at + 1), due_at = %(now)s, leased_until = 0,
        gives_up_at = greatest(gives_up_at, %(now)s + CASE WHEN action = 'REQUEST' THEN 60000 ELSE 600000 END)
    FROM found
    WHERE commands.command_id = found.command_id AND NOT found.is_reported
)
SELECT command_id, partner_id, is_reported FROM found
