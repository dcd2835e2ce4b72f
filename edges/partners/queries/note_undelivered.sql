UPDATE partners.commands SET undelivered_at = %(now)s WHERE command_id = ANY (%(command_ids)s)
