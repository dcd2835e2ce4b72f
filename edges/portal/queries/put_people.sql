INSERT INTO portal.people (site_id, person_id, place, role, first_name, last_name, login)
SELECT %(site_id)s, person.*
FROM unnest(
    %(person_id)s::text[], %(place)s::integer[], %(role)s::text[], %(first_name)s::text[], %(last_name)s::text[],
    %(login)s::text[]
) AS person
