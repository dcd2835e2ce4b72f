-- What happened at a site before it was made again is of the people whom it had then.

CREATE VIEW portal.people_since AS
SELECT
    site_id,
    coalesce(
        (
            SELECT to_timestamp(min(line.at) / 1000.0) FROM portal.revisions AS line
            WHERE line.site_id = site.site_id AND line.revision > deletion.revision
        ),
        CASE WHEN deletion.revision IS NULL THEN timestamptz '-infinity' ELSE 'infinity' END
    ) AS since
FROM portal.sites AS site
CROSS JOIN LATERAL (
    SELECT max(line.revision) AS revision FROM portal.revisions AS line
    WHERE line.site_id = site.site_id AND line.what = 'deletion'
) AS deletion;
COMMENT ON VIEW portal.people_since IS 'Since when a site has the people that it has now.';
COMMENT ON COLUMN portal.people_since.site_id IS 'The site.';
COMMENT ON COLUMN portal.people_since.since IS
    'When it was made again after its last deletion; -infinity where it never was deleted, infinity where it is deleted now.';
