DELETE FROM portal.releases WHERE site_id = %(site_id)s
