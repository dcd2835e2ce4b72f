-- The history of a site that is deleted: when, and which part was changed; no values, and of its people no account.
UPDATE portal.revisions AS revision SET
    before = NULL,
    after = NULL,
    request = '',
    by = CASE
        WHEN EXISTS (
            SELECT FROM portal.people AS person
            WHERE person.site_id = revision.site_id AND person.login = revision.by
        ) THEN 'a person who left'
        ELSE revision.by
    END
WHERE revision.site_id = %(site_id)s
