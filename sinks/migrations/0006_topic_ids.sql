-- A topic that was deleted and created again has the same name and other records: its id tells.

ALTER TABLE ledger.positions ADD COLUMN topic_id text;
COMMENT ON COLUMN ledger.positions.topic_id IS
    'The id that Kafka gave the topic when it was created; null for a broker without such ids, and until the next claim.';
