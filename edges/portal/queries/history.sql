SELECT revision, at, by, what, before, after
FROM portal.revisions
WHERE site_id = %(site_id)s
ORDER BY revision DESC
