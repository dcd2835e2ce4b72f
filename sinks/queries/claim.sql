-- Take partitions over: the sink that claimed one before can write nothing more for it. A new one begins where its log
-- does, or at offset 0 where that is not known.
-- Those of another topic of the same name are neither taken nor returned.
INSERT INTO ledger.positions AS known (topic, kafka_partition, next_offset, epoch, owner, topic_id)
SELECT topic, kafka_partition, coalesce(first_offset, 0), 1, %(owner)s, topic_id
FROM unnest(%(topics)s::text[], %(partitions)s::integer[], %(ids)s::text[], %(firsts)s::bigint[])
    AS claimed (topic, kafka_partition, topic_id, first_offset)
ORDER BY topic, kafka_partition
ON CONFLICT (topic, kafka_partition) DO UPDATE SET
    epoch = known.epoch + 1,
    owner = excluded.owner,
    topic_id = coalesce(known.topic_id, excluded.topic_id),
    moved_at = now()
WHERE coalesce(known.topic_id = excluded.topic_id, true)
RETURNING topic, kafka_partition, next_offset, epoch
