-- AMENDs and CANCELs that do not arrive, nor a later command of their dispatch, and that operators do not know of yet.
SELECT command_id, partner_id, site_id, incident_id, action
FROM partners.commands
WHERE delivered_at IS NULL AND undelivered_at IS NULL AND NOT is_test AND action <> 'REQUEST'
    AND stored_at <= %(until)s AND began_at <= %(until)s AND gives_up_at > stored_at
    AND NOT EXISTS (
        SELECT FROM partners.commands AS later
        WHERE later.dispatch_id = commands.dispatch_id AND later.seq > commands.seq AND later.delivered_at IS NOT NULL
    )
ORDER BY seq
LIMIT 500
