-- Also the hash of the request: by trying all numbers it would give one away. That of the removal itself has none.
UPDATE portal.revisions SET
    by = %(by)s,
    before = %(before)s,
    after = %(after)s,
    request = CASE WHEN %(is_removal)s THEN request ELSE '' END
WHERE site_id = %(site_id)s AND revision = %(revision)s
