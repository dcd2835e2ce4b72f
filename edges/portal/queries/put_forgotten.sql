UPDATE portal.revisions SET by = %(by)s, before = %(before)s, after = %(after)s
WHERE site_id = %(site_id)s AND revision = %(revision)s
