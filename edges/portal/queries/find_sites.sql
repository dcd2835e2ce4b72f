SELECT site_id
FROM portal.sites
WHERE NOT is_deleted AND strpos(lower(name), lower(%(text)s)) > 0
ORDER BY site_id
LIMIT 50
