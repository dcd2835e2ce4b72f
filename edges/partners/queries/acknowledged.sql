UPDATE partners.reports SET acknowledged_at = %(now)s WHERE report_id = ANY (%(report_ids)s) AND acknowledged_at IS NULL
