-- An attempt whose place neither a later command of its dispatch nor another attempt has taken.
SELECT command_id FROM partners.commands
WHERE command_id = %(command_id)s AND state = 'PENDING' AND attempts = %(number)s
