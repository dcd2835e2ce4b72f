INSERT INTO partners.secrets (partner_id, secret, added_at) VALUES (%(partner_id)s, %(secret)s, %(now)s)
