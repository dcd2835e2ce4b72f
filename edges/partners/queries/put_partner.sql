INSERT INTO partners.partners (partner_id, url, allow_private, added_at)
VALUES (%(partner_id)s, %(url)s, %(allow_private)s, %(now)s)
ON CONFLICT (partner_id) DO UPDATE
SET url = excluded.url, allow_private = excluded.allow_private, added_at = excluded.added_at
