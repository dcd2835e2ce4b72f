-- Also the hash of the request: by trying all numbers it would give the number away.
UPDATE portal.revisions SET by = %(by)s, before = %(before)s, after = %(after)s, request = ''
WHERE site_id = %(site_id)s AND revision = %(revision)s
