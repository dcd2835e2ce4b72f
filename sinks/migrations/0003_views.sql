-- What people ask for most, put together.

CREATE VIEW ledger.calls AS
SELECT
    command.command_id,
    command.action,
    command.incident_id,
    command.site_id,
    command.procedure,
    command.round,
    command.position,
    command.contact_id,
    command.contact_name,
    command.phone,
    command.language,
    command.issued_at,
    command.expires_at,
    cancel.issued_at AS cancelled_at,
    result.result_id,
    result.outcome,
    result.situation,
    result.message_left,
    result.detail,
    result.operator,
    result.ended_at,
    result.received_at
FROM ledger.call_commands AS command
LEFT JOIN ledger.call_commands AS cancel ON cancel.command_id = command.command_id || '-cancel'
LEFT JOIN LATERAL (
    SELECT *
    FROM ledger.call_results AS each
    WHERE each.command_id = command.command_id AND each.direction = 'OUTBOUND'
    ORDER BY each.kafka_partition, each.kafka_offset
    LIMIT 1
) AS result ON true
WHERE command.action <> 'CANCEL';
COMMENT ON VIEW ledger.calls IS 'One row a call commanded, with its first result; whichever of the two came first.';
COMMENT ON COLUMN ledger.calls.cancelled_at IS 'When it was withdrawn; null when it was not.';
COMMENT ON COLUMN ledger.calls.result_id IS 'Its first result; null while there is none.';
COMMENT ON COLUMN ledger.calls.outcome IS 'How it ended.';
COMMENT ON COLUMN ledger.calls.situation IS 'How things are there.';
COMMENT ON COLUMN ledger.calls.ended_at IS 'When it ended, as the telephony says.';
COMMENT ON COLUMN ledger.calls.received_at IS 'When the result came.';

CREATE VIEW ledger.dispatches AS
SELECT
    command.dispatch_id,
    command.incident_id,
    command.site_id,
    command.partner_id,
    command.procedure,
    command.reason,
    command.covert,
    command.requested_at,
    command.requests,
    command.amends,
    command.cancelled_at,
    report.answered_at,
    report.accepted_at,
    report.rejected_at,
    report.en_route_at,
    report.on_site_at,
    report.closed_at,
    report.disposition
FROM (
    SELECT
        dispatch_id,
        incident_id,
        site_id,
        partner_id,
        procedure,
        min(reason) AS reason,
        bool_or(covert) AS covert,
        min(issued_at) FILTER (WHERE action = 'REQUEST') AS requested_at,
        count(*) FILTER (WHERE action = 'REQUEST') AS requests,
        count(*) FILTER (WHERE action = 'AMEND') AS amends,
        min(issued_at) FILTER (WHERE action = 'CANCEL') AS cancelled_at
    FROM ledger.dispatch_commands
    GROUP BY dispatch_id, incident_id, site_id, partner_id, procedure
) AS command
LEFT JOIN LATERAL (
    SELECT
        min(received_at) FILTER (WHERE status <> 'UNKNOWN') AS answered_at,
        min(received_at) FILTER (WHERE status IN ('ACCEPTED', 'EN_ROUTE', 'ON_SITE')) AS accepted_at,
        min(received_at) FILTER (WHERE status = 'REJECTED') AS rejected_at,
        min(received_at) FILTER (WHERE status = 'EN_ROUTE') AS en_route_at,
        min(received_at) FILTER (WHERE status = 'ON_SITE') AS on_site_at,
        min(received_at) FILTER (WHERE status = 'CLOSED') AS closed_at,
        max(disposition) FILTER (WHERE status = 'CLOSED') AS disposition
    FROM ledger.dispatch_reports AS each
    WHERE each.dispatch_id = command.dispatch_id
) AS report ON true;
COMMENT ON VIEW ledger.dispatches IS 'One row a partner asked, with its reports; whichever of the two came first.';
COMMENT ON COLUMN ledger.dispatches.reason IS 'The rule that decided to ask.';
COMMENT ON COLUMN ledger.dispatches.covert IS 'Whether any of its commands was covert.';
COMMENT ON COLUMN ledger.dispatches.requested_at IS 'When it was first asked.';
COMMENT ON COLUMN ledger.dispatches.requests IS 'How often it was asked.';
COMMENT ON COLUMN ledger.dispatches.amends IS 'How often it was told more.';
COMMENT ON COLUMN ledger.dispatches.cancelled_at IS 'When it was called off; null when it was not.';
COMMENT ON COLUMN ledger.dispatches.answered_at IS 'When its first report came.';
COMMENT ON COLUMN ledger.dispatches.accepted_at IS 'When the first report came that accepts, by word or by going.';
COMMENT ON COLUMN ledger.dispatches.rejected_at IS 'When it was rejected.';
COMMENT ON COLUMN ledger.dispatches.en_route_at IS 'When the guard was first reported on the way.';
COMMENT ON COLUMN ledger.dispatches.on_site_at IS 'When the guard was first reported there.';
COMMENT ON COLUMN ledger.dispatches.closed_at IS 'When it was first reported closed.';
COMMENT ON COLUMN ledger.dispatches.disposition IS 'What the guard found.';
