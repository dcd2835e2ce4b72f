-- The inputs of one topic: the records that the decisions of an incident name by their place.
SELECT event.version AS decision_version, {columns}
FROM ledger.incident_events AS event
JOIN {table} AS record
    ON record.kafka_partition = event.input_partition AND record.kafka_offset = event.input_offset
WHERE event.incident_id = %(incident)s AND event.input_topic = %(topic)s
