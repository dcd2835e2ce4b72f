-- One row when this process is the one that publishes, none when another is.
INSERT INTO portal.relay (owner, until) VALUES (%(owner)s, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (is_only) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE portal.relay.owner = excluded.owner OR portal.relay.until < clock_timestamp()
RETURNING owner
