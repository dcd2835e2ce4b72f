-- All but the last ones.
DELETE FROM partners.secrets
WHERE partner_id = %(partner_id)s AND secret NOT IN (
    SELECT secret FROM partners.secrets WHERE partner_id = %(partner_id)s ORDER BY added_at DESC LIMIT %(keep)s
)
