-- Since when commands may be missing; null where a partition was never read to its end.
SELECT CASE WHEN count(*) = %(partitions)s THEN min(read_at) END AS read_at
FROM partners.partitions WHERE number < %(partitions)s
