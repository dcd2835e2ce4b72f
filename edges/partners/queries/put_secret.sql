-- The newest, also where another machine's clock was ahead when it put one.
INSERT INTO partners.secrets (partner_id, secret, added_at)
SELECT %(partner_id)s, %(secret)s, greatest(%(now)s, max(added_at) + 1)
FROM partners.secrets WHERE partner_id = %(partner_id)s
