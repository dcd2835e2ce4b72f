DELETE FROM portal.contacts WHERE site_id = %(site_id)s
