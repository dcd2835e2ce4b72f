-- Move positions on, those that are still where this sink left them and still its own.
UPDATE ledger.positions AS known
SET next_offset = moved.next_offset, moved_at = now()
FROM unnest(
    %(topics)s::text[], %(partitions)s::integer[], %(epochs)s::bigint[], %(expected)s::bigint[], %(next)s::bigint[]
) AS moved (topic, kafka_partition, epoch, expected, next_offset)
WHERE known.topic = moved.topic
    AND known.kafka_partition = moved.kafka_partition
    AND known.epoch = moved.epoch
    AND known.next_offset = moved.expected
