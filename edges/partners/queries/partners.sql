SELECT
    partners.partner_id, partners.url, partners.allow_private, partners.added_at,
    (SELECT count(*) FROM partners.secrets WHERE secrets.partner_id = partners.partner_id) AS secrets
FROM partners.partners
ORDER BY partners.partner_id
