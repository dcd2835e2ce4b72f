INSERT INTO portal.contacts (
    site_id, place, contact_id, role, first_name, last_name, phone, password_hash, duress_hash, language
)
SELECT %(site_id)s, contact.*
FROM unnest(
    %(place)s::integer[], %(contact_id)s::text[], %(role)s::text[], %(first_name)s::text[], %(last_name)s::text[],
    %(phone)s::text[], %(password_hash)s::text[], %(duress_hash)s::text[], %(language)s::text[]
) AS contact
