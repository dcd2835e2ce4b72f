INSERT INTO portal.revisions (site_id, revision, at, by, what, before, after, request)
VALUES (%(site_id)s, %(revision)s, %(at)s, %(by)s, %(what)s, %(before)s, %(after)s, %(request)s)
