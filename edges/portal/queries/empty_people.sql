DELETE FROM portal.people WHERE site_id = %(site_id)s
