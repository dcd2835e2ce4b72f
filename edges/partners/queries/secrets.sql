SELECT secret FROM partners.secrets WHERE partner_id = %(partner_id)s ORDER BY added_at
