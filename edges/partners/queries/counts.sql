-- What waits for each partner; a test is nobody's alarm.
SELECT
    partners.partner_id,
    count(commands.command_id) AS pending,
    coalesce(min(commands.stored_at), 0) AS oldest
FROM partners.partners
LEFT JOIN partners.commands
    ON commands.partner_id = partners.partner_id AND commands.state = 'PENDING' AND NOT commands.is_test
GROUP BY partners.partner_id
