INSERT INTO portal.sites (
    site_id, name, revision, subscribed, line1, line2, postal_code, city, country, instructions, intervention, partners,
    test_until, updated_at, is_deleted
)
VALUES (
    %(site_id)s, %(name)s, %(revision)s, %(subscribed)s, %(line1)s, %(line2)s, %(postal_code)s, %(city)s, %(country)s,
    %(instructions)s, %(intervention)s, %(partners)s, %(test_until)s, %(updated_at)s, %(is_deleted)s
)
ON CONFLICT (site_id) DO UPDATE SET
    name = excluded.name,
    revision = excluded.revision,
    subscribed = excluded.subscribed,
    line1 = excluded.line1,
    line2 = excluded.line2,
    postal_code = excluded.postal_code,
    city = excluded.city,
    country = excluded.country,
    instructions = excluded.instructions,
    intervention = excluded.intervention,
    partners = excluded.partners,
    test_until = excluded.test_until,
    updated_at = excluded.updated_at,
    is_deleted = excluded.is_deleted
WHERE portal.sites.revision = excluded.revision - 1
