-- What waits for each partner, and since when: what is posted again, since then. A test is nobody's alarm.
SELECT
    partners.partner_id,
    count(commands.command_id) AS pending,
    coalesce(min(commands.began_at), 0) AS oldest
FROM partners.partners
LEFT JOIN partners.commands
    ON commands.partner_id = partners.partner_id AND commands.state = 'PENDING' AND NOT commands.is_test
GROUP BY partners.partner_id
