-- Locked in the order of those who write, and before the outbox, as by them.
WITH done AS (
    SELECT site.site_id, done.revision, done.at
    FROM portal.sites AS site
    JOIN unnest(%(site_id)s::text[], %(revision)s::bigint[], %(at)s::bigint[]) AS done (site_id, revision, at)
        ON site.site_id = done.site_id AND site.published_revision <= done.revision
    ORDER BY site.site_id
    FOR UPDATE OF site
)
UPDATE portal.sites AS site SET published_revision = done.revision, published_at = done.at
FROM done WHERE site.site_id = done.site_id
