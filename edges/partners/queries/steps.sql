SELECT step FROM partners.reports WHERE dispatch_id = %(dispatch_id)s ORDER BY seq
