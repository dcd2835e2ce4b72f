-- AMENDs and CANCELs that do not arrive, and that operators do not know of yet.
SELECT command_id, partner_id, site_id, incident_id, action
FROM partners.commands
WHERE state IN ('PENDING', 'GIVEN_UP') AND delivered_at IS NULL AND undelivered_at IS NULL AND NOT is_test
    AND action <> 'REQUEST' AND stored_at <= %(until)s AND gives_up_at > stored_at
ORDER BY seq
LIMIT 500
