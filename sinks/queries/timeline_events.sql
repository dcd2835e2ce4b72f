-- An incident's decisions with what came in: the record that each names by its place.
SELECT
    event.version, event.at, event.rule, event.phase_from, event.phase_to, event.round, event.position,
    event.deadline, event.disposition, event.outputs, event.input_kind, event.input_id,
    alert.kind AS alert_kind, alert.zone AS alert_zone, alert.raised_at AS alert_raised_at,
    CASE WHEN %(personal)s THEN alert.detail END AS alert_detail,
    result.direction AS result_direction, result.outcome AS result_outcome, result.situation AS result_situation,
    result.message_left AS result_message_left, result.operator AS result_operator, result.ended_at AS result_ended_at,
    result.command_id AS result_command_id,
    coalesce(
        result.contact_id,
        (SELECT call.contact_id FROM ledger.call_commands AS call WHERE call.command_id = result.command_id LIMIT 1)
    ) AS result_contact_id,
    CASE WHEN %(personal)s THEN result.detail END AS result_detail,
    report.dispatch_id AS report_dispatch_id, report.partner_id AS report_partner_id, report.status AS report_status,
    report.disposition AS report_disposition, report.reported_at AS report_reported_at,
    CASE WHEN %(personal)s THEN report.reason END AS report_reason,
    action.action AS action_action, action.operator AS action_operator, action.taken_at AS action_taken_at,
    CASE WHEN %(personal)s THEN action.reason END AS action_reason
FROM ledger.incident_events AS event
LEFT JOIN ledger.alerts AS alert
    ON event.input_topic = 'alerts'
    AND alert.kafka_partition = event.input_partition AND alert.kafka_offset = event.input_offset
LEFT JOIN ledger.call_results AS result
    ON event.input_topic = 'call-results'
    AND result.kafka_partition = event.input_partition AND result.kafka_offset = event.input_offset
LEFT JOIN ledger.dispatch_reports AS report
    ON event.input_topic = 'dispatch-reports'
    AND report.kafka_partition = event.input_partition AND report.kafka_offset = event.input_offset
LEFT JOIN ledger.operator_actions AS action
    ON event.input_topic = 'operator-actions'
    AND action.kafka_partition = event.input_partition AND action.kafka_offset = event.input_offset
WHERE event.incident_id = %(incident)s
ORDER BY event.version
