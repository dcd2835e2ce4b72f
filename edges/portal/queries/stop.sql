-- The revision by which a service was stopped that is not subscribed; none where it never was. Files that were imported
-- subscribe and stop too.
WITH said AS NOT MATERIALIZED (
    SELECT
        line.*,
        CASE what WHEN 'subscription' THEN after -> 'subscribed' ELSE after #> '{subscription,subscribed}' END
            AS subscribed
    FROM portal.revisions AS line
    WHERE line.site_id = %(site_id)s AND line.what IN ('subscription', 'import')
)
SELECT revision, at, by, what, before, after
FROM said
WHERE subscribed = 'false' AND revision > (SELECT max(revision) FROM said WHERE subscribed = 'true')
ORDER BY revision
LIMIT 1
