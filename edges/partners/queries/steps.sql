SELECT step, reported_at, taps, report_id FROM partners.reports WHERE dispatch_id = %(dispatch_id)s ORDER BY seq
