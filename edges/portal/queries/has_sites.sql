SELECT EXISTS (
    SELECT FROM portal.people AS person
    JOIN portal.sites AS site USING (site_id)
    WHERE person.login = %(login)s AND NOT site.is_deleted
) AS has_sites
