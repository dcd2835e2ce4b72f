-- A command that is not stored yet ends the attempts of those before it. It is for a partner that is asked over HTTP, or
-- for one that asks us alone (`is_known`): then nothing is posted unless the partner is added while a REQUEST may still
-- be answered, and operators do not hear of an AMEND or CANCEL that does not arrive.
-- `is_late`: its partner is asked over HTTP, and it is not posted, as its time is over.
-- What is not posted is as old as its record: a first start reads all that Kafka holds.
WITH new AS (
    INSERT INTO partners.commands (
        command_id, dispatch_id, partner_id, site_id, incident_id, action, value, is_test,
        stored_at, began_at, gives_up_at, due_at, state
    )
    SELECT
        %(command_id)s, %(dispatch_id)s, %(partner_id)s, %(site_id)s, %(incident_id)s, %(action)s, %(value)s, %(is_test)s,
        noted.at, noted.at, CASE WHEN tried.until > %(now)s THEN tried.until ELSE noted.at END, %(now)s,
        CASE WHEN tried.until > %(now)s THEN 'PENDING' ELSE 'GIVEN_UP' END
    FROM (SELECT EXISTS (SELECT FROM partners.partners WHERE partner_id = %(partner_id)s) AS is_posted) AS partner
    CROSS JOIN LATERAL (
        SELECT CASE WHEN partner.is_posted OR %(action)s = 'REQUEST' THEN %(gives_up_at)s ELSE %(now)s END AS until
    ) AS tried
    CROSS JOIN LATERAL (
        SELECT CASE WHEN tried.until > %(now)s THEN %(now)s ELSE least(%(now)s, %(written_at)s) END AS at
    ) AS noted
    WHERE partner.is_posted OR %(is_known)s
    ON CONFLICT DO NOTHING
    RETURNING dispatch_id, partner_id, state
),
superseded AS (
    UPDATE partners.commands AS earlier
    SET state = 'SUPERSEDED'
    FROM new
    WHERE earlier.dispatch_id = new.dispatch_id AND earlier.state = 'PENDING'
)
SELECT new.partner_id, partners.partner_id IS NOT NULL AND new.state = 'GIVEN_UP' AS is_late
FROM new
LEFT JOIN partners.partners ON partners.partner_id = new.partner_id
