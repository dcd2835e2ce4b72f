-- Whoever changes a partner's secrets does so alone.
SELECT FROM partners.partners WHERE partner_id = %(partner_id)s FOR UPDATE
