-- A command that is not stored yet, of a partner that is asked over HTTP, ends the attempts of those before it.
WITH new AS (
    INSERT INTO partners.commands (
        command_id, dispatch_id, partner_id, site_id, incident_id, action, value, is_test,
        stored_at, began_at, gives_up_at, due_at, state
    )
    SELECT
        %(command_id)s, %(dispatch_id)s, %(partner_id)s, %(site_id)s, %(incident_id)s, %(action)s, %(value)s, %(is_test)s,
        %(now)s, %(now)s, %(gives_up_at)s, %(now)s, CASE WHEN %(gives_up_at)s > %(now)s THEN 'PENDING' ELSE 'GIVEN_UP' END
    WHERE EXISTS (SELECT FROM partners.partners WHERE partner_id = %(partner_id)s)
    ON CONFLICT DO NOTHING
    RETURNING dispatch_id
),
superseded AS (
    UPDATE partners.commands AS earlier
    SET state = 'SUPERSEDED'
    FROM new
    WHERE earlier.dispatch_id = new.dispatch_id AND earlier.state = 'PENDING'
)
SELECT dispatch_id FROM new
