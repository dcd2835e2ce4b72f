SELECT person.role
FROM portal.people AS person
JOIN portal.sites AS site USING (site_id)
WHERE person.login = %(login)s AND person.site_id = %(site_id)s AND NOT site.is_deleted
