INSERT INTO partners.partitions (number, read_at) VALUES (%(number)s, %(at)s)
ON CONFLICT (number) DO UPDATE SET read_at = greatest(partitions.read_at, excluded.read_at)
