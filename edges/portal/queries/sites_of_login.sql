SELECT site.site_id
FROM portal.people AS person
JOIN portal.sites AS site USING (site_id)
WHERE person.login = %(login)s AND NOT site.is_deleted
ORDER BY site.name, site.site_id
