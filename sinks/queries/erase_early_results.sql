-- A result that came before its call did not name whom it is about.
UPDATE ledger.call_results AS result
SET detail = NULL
FROM {staging} AS call
WHERE result.command_id = call.command_id AND result.detail IS NOT NULL
    AND ledger.is_erased(
        call.site_id, call.contact_id, result.received_at, 'call-results', result.kafka_partition, result.kafka_offset
    )
