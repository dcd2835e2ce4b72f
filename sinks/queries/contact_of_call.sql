(SELECT call.contact_id FROM ledger.call_commands AS call WHERE call.command_id = record.command_id LIMIT 1)
