SELECT dispatch_id, partner_id, site_id, incident_id, is_test
FROM partners.commands WHERE dispatch_id = %(dispatch_id)s ORDER BY seq LIMIT 1
