INSERT INTO portal.transmitter_revisions (account, revision, at, by, before, after, request)
VALUES (%(account)s, %(revision)s, %(at)s, %(by)s, %(before)s, %(after)s, %(request)s)
