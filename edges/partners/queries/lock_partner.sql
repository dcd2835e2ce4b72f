-- One change of a partner's secrets at a time.
SELECT FROM partners.partners WHERE partner_id = %(partner_id)s FOR UPDATE
