-- Whole sites, each with its people, its contacts and who made its last revision with which request.
SELECT
    site.*,
    (
        SELECT coalesce(json_agg(person ORDER BY person.place), '[]')
        FROM portal.people AS person WHERE person.site_id = site.site_id
    ) AS people,
    (
        SELECT coalesce(json_agg(contact ORDER BY contact.place), '[]')
        FROM portal.contacts AS contact WHERE contact.site_id = site.site_id
    ) AS contacts,
    last.by AS last_by,
    last.request AS last_request
FROM portal.sites AS site
LEFT JOIN portal.revisions AS last ON last.site_id = site.site_id AND last.revision = site.revision
WHERE site.site_id = ANY(%(site_ids)s)
