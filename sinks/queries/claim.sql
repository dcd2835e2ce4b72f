-- Take partitions over: whoever claimed one before can write nothing more for it. A new one begins at offset 0.
INSERT INTO ledger.positions AS known (topic, kafka_partition, next_offset, epoch, owner)
SELECT topic, kafka_partition, 0, 1, %(owner)s
FROM unnest(%(topics)s::text[], %(partitions)s::integer[]) AS claimed (topic, kafka_partition)
ORDER BY topic, kafka_partition
ON CONFLICT (topic, kafka_partition) DO UPDATE SET
    epoch = known.epoch + 1,
    owner = excluded.owner,
    moved_at = now()
RETURNING topic, kafka_partition, next_offset, epoch
