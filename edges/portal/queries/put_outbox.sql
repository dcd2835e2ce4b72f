INSERT INTO portal.outbox (topic, key, change) VALUES (%(topic)s, %(key)s, nextval('portal.changes'))
ON CONFLICT (topic, key) DO UPDATE SET change = excluded.change
