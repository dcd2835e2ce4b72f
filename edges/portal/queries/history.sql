-- The newest first; a limit that is null is none.
SELECT revision, at, by, what, before, after
FROM portal.revisions
WHERE site_id = %(site_id)s AND revision > %(since)s AND revision < %(before)s
ORDER BY revision DESC
LIMIT %(limit)s
