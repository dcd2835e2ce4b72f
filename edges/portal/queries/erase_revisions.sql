-- The history of a site that is deleted: when, and which part was changed; no values. Only support makes, imports and
-- deletes sites and changes people and partners, and only programs are named token:…; everybody else is a customer.
UPDATE portal.revisions SET
    before = NULL,
    after = NULL,
    request = '',
    by = CASE
        WHEN what IN ('site', 'import', 'people', 'partners', 'deletion') OR starts_with(by, 'token:') THEN by
        ELSE 'a person who left'
    END
WHERE site_id = %(site_id)s
