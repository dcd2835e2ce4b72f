-- The ledger: what people ask afterwards (docs/ledger.md).
--
-- Ids are compared byte by byte (COLLATE "C"), as they are on Kafka. Words (a rule, a phase, an outcome) are text
-- without a constraint: the contract only grows, and a word of tomorrow must not be refused. What grows without bound
-- is partitioned by month; a time outside of 2020 to 2099 goes to the table's partition "_other".

CREATE TABLE ledger.positions (
    topic text COLLATE "C" NOT NULL,
    kafka_partition integer NOT NULL,
    next_offset bigint NOT NULL,
    epoch bigint NOT NULL,
    owner text NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, kafka_partition)
);
COMMENT ON TABLE ledger.positions IS
    'How far each partition of Kafka is in the ledger: moved in the transaction that writes its rows, and by nobody but the sink that claimed it last.';
COMMENT ON COLUMN ledger.positions.topic IS 'Topic on the broker, with its prefix.';
COMMENT ON COLUMN ledger.positions.kafka_partition IS 'Partition of the topic.';
COMMENT ON COLUMN ledger.positions.next_offset IS 'The first offset that is not in the ledger yet.';
COMMENT ON COLUMN ledger.positions.epoch IS 'How often the partition was claimed: who claimed it before can write nothing more.';
COMMENT ON COLUMN ledger.positions.owner IS 'The sink that claimed it last.';
COMMENT ON COLUMN ledger.positions.moved_at IS 'When it was last moved or claimed.';

CREATE TABLE ledger.refused (
    topic text COLLATE "C" NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    key bytea,
    value bytea,
    reason text NOT NULL,
    recorded_at timestamptz,
    refused_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, kafka_partition, kafka_offset)
);
COMMENT ON TABLE ledger.refused IS
    'Records that are in no other table because the database refused their row, or because they do not decode.';
COMMENT ON COLUMN ledger.refused.topic IS 'Topic of the record, without prefix.';
COMMENT ON COLUMN ledger.refused.kafka_partition IS 'Partition of the record.';
COMMENT ON COLUMN ledger.refused.kafka_offset IS 'Offset of the record.';
COMMENT ON COLUMN ledger.refused.key IS 'Its key as it came: the site.';
COMMENT ON COLUMN ledger.refused.value IS 'Its value as it came. May hold personal data; null once erased.';
COMMENT ON COLUMN ledger.refused.reason IS 'Why: the SQLSTATE with the database''s words, or UNDECODABLE with the field.';
COMMENT ON COLUMN ledger.refused.recorded_at IS 'Timestamp of the record on Kafka; null when it is none.';
COMMENT ON COLUMN ledger.refused.refused_at IS 'When it was put here.';

CREATE TABLE ledger.incidents (
    incident_id text COLLATE "C" PRIMARY KEY,
    site_id text COLLATE "C" NOT NULL,
    procedure text,
    procedure_version text,
    version integer NOT NULL,
    opened_at timestamptz NOT NULL,
    opened_by text,
    phase text,
    round integer,
    position integer,
    deadline timestamptz,
    updated_at timestamptz NOT NULL,
    closed_at timestamptz,
    outcome text,
    disposition text,
    alerts integer NOT NULL,
    calls integer NOT NULL,
    rounds integer NOT NULL,
    dispatches integer NOT NULL,
    requests integer NOT NULL,
    attentions integer NOT NULL,
    first_call_at timestamptz,
    wait_started_at timestamptz,
    wait_ended_at timestamptz,
    dispatched_at timestamptz,
    handed_over_at timestamptz,
    waited interval GENERATED ALWAYS AS (wait_ended_at - wait_started_at) STORED,
    open_for interval GENERATED ALWAYS AS (closed_at - opened_at) STORED
) WITH (fillfactor = 80);  -- most rows are written again a few times
CREATE INDEX incidents_opened ON ledger.incidents (opened_at);
CREATE INDEX incidents_of_site ON ledger.incidents (site_id, opened_at);
CREATE INDEX incidents_open ON ledger.incidents (opened_at) WHERE closed_at IS NULL;
CREATE INDEX incidents_without_procedure ON ledger.incidents (incident_id) WHERE procedure IS NULL;
COMMENT ON TABLE ledger.incidents IS 'One row an incident, as its decisions have it so far.';
COMMENT ON COLUMN ledger.incidents.incident_id IS 'The incident.';
COMMENT ON COLUMN ledger.incidents.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.incidents.procedure IS 'SECURITY or FIRE. Decisions name only its version; where that does not tell, the commands do.';
COMMENT ON COLUMN ledger.incidents.procedure_version IS 'Version of the procedure that it runs under.';
COMMENT ON COLUMN ledger.incidents.version IS 'Number of its last decision in the ledger, from 1 without gaps.';
COMMENT ON COLUMN ledger.incidents.opened_at IS 'When its first decision was taken; of those in the ledger, where older ones are gone.';
COMMENT ON COLUMN ledger.incidents.opened_by IS 'Rule that opened it; null where that decision is not in the ledger.';
COMMENT ON COLUMN ledger.incidents.phase IS 'Where it stands.';
COMMENT ON COLUMN ledger.incidents.round IS 'Round of the call outstanding, else null.';
COMMENT ON COLUMN ledger.incidents.position IS 'Position of the call outstanding, else null.';
COMMENT ON COLUMN ledger.incidents.deadline IS 'When it goes on by itself; null once closed.';
COMMENT ON COLUMN ledger.incidents.updated_at IS 'When its last decision was taken.';
COMMENT ON COLUMN ledger.incidents.closed_at IS 'When it was closed; null while open.';
COMMENT ON COLUMN ledger.incidents.outcome IS 'Rule that closed it: RESOLVED, RESOLVED_BY_CALLBACK, INTERVENTION_CLOSED, OPERATOR_CLOSED; null while open.';
COMMENT ON COLUMN ledger.incidents.disposition IS 'What the guard found, when that closed it.';
COMMENT ON COLUMN ledger.incidents.alerts IS 'Alerts accepted, the opening one included.';
COMMENT ON COLUMN ledger.incidents.calls IS 'Calls commanded, those that ask for a code again included.';
COMMENT ON COLUMN ledger.incidents.rounds IS 'Rounds of calls begun.';
COMMENT ON COLUMN ledger.incidents.dispatches IS 'Partners asked for a guard.';
COMMENT ON COLUMN ledger.incidents.requests IS 'Requests sent to them, repeated ones included.';
COMMENT ON COLUMN ledger.incidents.attentions IS 'Attentions raised, repeated ones included.';
COMMENT ON COLUMN ledger.incidents.first_call_at IS 'When the first call was commanded.';
COMMENT ON COLUMN ledger.incidents.wait_started_at IS 'When the wait after round 1 began; null when there was none.';
COMMENT ON COLUMN ledger.incidents.wait_ended_at IS 'When it ended, by whatever.';
COMMENT ON COLUMN ledger.incidents.dispatched_at IS 'When a partner was first asked.';
COMMENT ON COLUMN ledger.incidents.handed_over_at IS 'When it was first handed over to operators.';
COMMENT ON COLUMN ledger.incidents.waited IS 'How long the wait took.';
COMMENT ON COLUMN ledger.incidents.open_for IS 'From opening to closing; null while open.';

CREATE TABLE ledger.incident_events (
    decision_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C",
    procedure_version text,
    site_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    at timestamptz NOT NULL,
    input_kind text NOT NULL,
    input_id text COLLATE "C" NOT NULL,
    input_topic text,
    input_partition integer,
    input_offset bigint,
    site_offset bigint,
    rule text NOT NULL,
    phase_from text,
    phase_to text,
    round integer,
    position integer,
    deadline timestamptz,
    disposition text,
    outputs text[] NOT NULL,
    calls smallint NOT NULL,
    dispatches smallint NOT NULL,
    requests smallint NOT NULL,
    attentions smallint NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (decision_id, at)
) PARTITION BY RANGE (at);
CREATE INDEX incident_events_of_incident ON ledger.incident_events (incident_id, version);
COMMENT ON TABLE ledger.incident_events IS 'Every decision: the timeline of incidents, and the decisions without one.';
COMMENT ON COLUMN ledger.incident_events.decision_id IS 'The decision.';
COMMENT ON COLUMN ledger.incident_events.incident_id IS 'The incident decided on; null when there is none.';
COMMENT ON COLUMN ledger.incident_events.procedure_version IS 'Version of the procedure that the incident runs under.';
COMMENT ON COLUMN ledger.incident_events.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.incident_events.version IS 'Number of the decision within its incident, from 1 without gaps; 0 without one.';
COMMENT ON COLUMN ledger.incident_events.at IS 'When it was decided.';
COMMENT ON COLUMN ledger.incident_events.input_kind IS 'What was decided on: ALERT, CALL_RESULT, DISPATCH_REPORT, OPERATOR_ACTION, DEADLINE.';
COMMENT ON COLUMN ledger.incident_events.input_id IS 'Id of that record; of a deadline, the incident''s.';
COMMENT ON COLUMN ledger.incident_events.input_topic IS 'Topic of that record, without prefix; null for a deadline.';
COMMENT ON COLUMN ledger.incident_events.input_partition IS 'Partition of that record; null for a deadline.';
COMMENT ON COLUMN ledger.incident_events.input_offset IS 'Offset of that record; null for a deadline.';
COMMENT ON COLUMN ledger.incident_events.site_offset IS 'Offset of the site record in force; null when there was none.';
COMMENT ON COLUMN ledger.incident_events.rule IS 'The rule of the procedure that decided.';
COMMENT ON COLUMN ledger.incident_events.phase_from IS 'Phase before; null when the incident opens, or without one.';
COMMENT ON COLUMN ledger.incident_events.phase_to IS 'Phase after, equal when it stays; null without an incident.';
COMMENT ON COLUMN ledger.incident_events.round IS 'Round of the call outstanding after it, else null.';
COMMENT ON COLUMN ledger.incident_events.position IS 'Position of the call outstanding after it, else null.';
COMMENT ON COLUMN ledger.incident_events.deadline IS 'The next deadline then armed; null once closed.';
COMMENT ON COLUMN ledger.incident_events.disposition IS 'What the guard found, when that closed the incident.';
COMMENT ON COLUMN ledger.incident_events.outputs IS 'Ids of the records it emitted, in order.';
COMMENT ON COLUMN ledger.incident_events.calls IS 'Calls among them, without cancelled ones.';
COMMENT ON COLUMN ledger.incident_events.dispatches IS 'First requests to a partner among them.';
COMMENT ON COLUMN ledger.incident_events.requests IS 'Requests among them.';
COMMENT ON COLUMN ledger.incident_events.attentions IS 'Attentions among them.';
COMMENT ON COLUMN ledger.incident_events.kafka_partition IS 'Partition of the decision on its topic.';
COMMENT ON COLUMN ledger.incident_events.kafka_offset IS 'Offset of the decision on its topic.';

CREATE TABLE ledger.alerts (
    alert_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    raised_at timestamptz NOT NULL,
    zone text,
    detail text,
    source text,
    received_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, received_at)
) PARTITION BY RANGE (received_at);
CREATE INDEX alerts_of_site ON ledger.alerts (site_id);
COMMENT ON TABLE ledger.alerts IS 'Every alert as it came, whatever came of it.';
COMMENT ON COLUMN ledger.alerts.alert_id IS 'The alert; panels count from 1 again.';
COMMENT ON COLUMN ledger.alerts.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.alerts.kind IS 'INTRUSION, HOLD_UP, TAMPER, FIRE, OTHER.';
COMMENT ON COLUMN ledger.alerts.raised_at IS 'When the panel says that it raised it.';
COMMENT ON COLUMN ledger.alerts.zone IS 'Where in the home.';
COMMENT ON COLUMN ledger.alerts.detail IS 'What the panel adds. Free text: may be personal.';
COMMENT ON COLUMN ledger.alerts.source IS 'The receiver that took it.';
COMMENT ON COLUMN ledger.alerts.received_at IS 'Timestamp of its record on Kafka.';
COMMENT ON COLUMN ledger.alerts.kafka_partition IS 'Partition of its record.';
COMMENT ON COLUMN ledger.alerts.kafka_offset IS 'Offset of its record.';

CREATE TABLE ledger.call_commands (
    command_id text COLLATE "C" NOT NULL,
    action text NOT NULL,
    target_command_id text COLLATE "C",
    incident_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    procedure text NOT NULL,
    round integer NOT NULL,
    position integer NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    contact_name text,
    phone text,
    language text,
    alert_kinds text[] NOT NULL,
    leave_message boolean NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (command_id, issued_at)
) PARTITION BY RANGE (issued_at);
CREATE INDEX call_commands_of_incident ON ledger.call_commands (incident_id);
CREATE INDEX call_commands_of_site ON ledger.call_commands (site_id);
CREATE INDEX call_commands_of_contact ON ledger.call_commands (contact_id);
COMMENT ON TABLE ledger.call_commands IS 'Every command to the telephony; the view calls has one row a call, with its result.';
COMMENT ON COLUMN ledger.call_commands.command_id IS 'The command.';
COMMENT ON COLUMN ledger.call_commands.action IS 'CALL, CONFIRM (have the code repeated) or CANCEL.';
COMMENT ON COLUMN ledger.call_commands.target_command_id IS 'CONFIRM: the call it goes on from; CANCEL: the command withdrawn.';
COMMENT ON COLUMN ledger.call_commands.incident_id IS 'The incident.';
COMMENT ON COLUMN ledger.call_commands.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.call_commands.procedure IS 'SECURITY or FIRE.';
COMMENT ON COLUMN ledger.call_commands.round IS 'Round, from 1.';
COMMENT ON COLUMN ledger.call_commands.position IS 'Place of the contact in the round, from 1.';
COMMENT ON COLUMN ledger.call_commands.contact_id IS 'Whom to call.';
COMMENT ON COLUMN ledger.call_commands.contact_name IS 'First and last name. Personal; null when unknown or erased.';
COMMENT ON COLUMN ledger.call_commands.phone IS 'Number dialled, E.164. Personal; null when unknown or erased.';
COMMENT ON COLUMN ledger.call_commands.language IS 'Language to speak. Personal; null when unknown or erased.';
COMMENT ON COLUMN ledger.call_commands.alert_kinds IS 'What had been alerted by then.';
COMMENT ON COLUMN ledger.call_commands.leave_message IS 'Whether to leave a message.';
COMMENT ON COLUMN ledger.call_commands.issued_at IS 'When it was issued.';
COMMENT ON COLUMN ledger.call_commands.expires_at IS 'Not to be placed later.';
COMMENT ON COLUMN ledger.call_commands.kafka_partition IS 'Partition of the record.';
COMMENT ON COLUMN ledger.call_commands.kafka_offset IS 'Offset of the record.';

CREATE TABLE ledger.call_results (
    result_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C",
    command_id text COLLATE "C",
    contact_id text COLLATE "C",
    direction text NOT NULL,
    outcome text NOT NULL,
    situation text NOT NULL,
    message_left boolean NOT NULL,
    detail text,
    operator text,
    ended_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, received_at)
) PARTITION BY RANGE (received_at);
CREATE INDEX call_results_of_command ON ledger.call_results (command_id);
CREATE INDEX call_results_of_site ON ledger.call_results (site_id);
CREATE INDEX call_results_of_contact ON ledger.call_results (contact_id) WHERE contact_id IS NOT NULL;
COMMENT ON TABLE ledger.call_results IS 'What came of calls, ours or the customers'', as the telephony and the desks say.';
COMMENT ON COLUMN ledger.call_results.result_id IS 'The result.';
COMMENT ON COLUMN ledger.call_results.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.call_results.incident_id IS 'The incident it names.';
COMMENT ON COLUMN ledger.call_results.command_id IS 'The command it answers.';
COMMENT ON COLUMN ledger.call_results.contact_id IS 'The contact spoken to.';
COMMENT ON COLUMN ledger.call_results.direction IS 'OUTBOUND: we called; INBOUND: the customer did.';
COMMENT ON COLUMN ledger.call_results.outcome IS 'IDENTIFIED, NOT_IDENTIFIED, WRONG_CODE, DURESS_CODE, NO_ANSWER.';
COMMENT ON COLUMN ledger.call_results.situation IS 'NORMAL, ABNORMAL, UNKNOWN.';
COMMENT ON COLUMN ledger.call_results.message_left IS 'Whether a message was left.';
COMMENT ON COLUMN ledger.call_results.detail IS 'As busy, voicemail. Free text: may be personal; null once erased.';
COMMENT ON COLUMN ledger.call_results.operator IS 'Who spoke.';
COMMENT ON COLUMN ledger.call_results.ended_at IS 'When the call ended, as it is said.';
COMMENT ON COLUMN ledger.call_results.received_at IS 'Timestamp of its record on Kafka.';
COMMENT ON COLUMN ledger.call_results.kafka_partition IS 'Partition of its record.';
COMMENT ON COLUMN ledger.call_results.kafka_offset IS 'Offset of its record.';

CREATE TABLE ledger.dispatch_commands (
    command_id text COLLATE "C" NOT NULL,
    dispatch_id text COLLATE "C" NOT NULL,
    action text NOT NULL,
    attempt integer NOT NULL,
    incident_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    procedure text NOT NULL,
    reason text NOT NULL,
    covert boolean NOT NULL,
    alert_kinds text[] NOT NULL,
    alert_count integer NOT NULL,
    first_alert_at timestamptz,
    last_alert_at timestamptz,
    address jsonb,
    instructions text,
    issued_at timestamptz NOT NULL,
    respond_by timestamptz,
    cause text NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (command_id, issued_at)
) PARTITION BY RANGE (issued_at);
CREATE INDEX dispatch_commands_of_incident ON ledger.dispatch_commands (incident_id);
CREATE INDEX dispatch_commands_of_site ON ledger.dispatch_commands (site_id);
COMMENT ON TABLE ledger.dispatch_commands IS 'Every command to partners; the view dispatches has one row a dispatch, with its reports.';
COMMENT ON COLUMN ledger.dispatch_commands.command_id IS 'The command.';
COMMENT ON COLUMN ledger.dispatch_commands.dispatch_id IS 'The dispatch: one partner asked.';
COMMENT ON COLUMN ledger.dispatch_commands.action IS 'REQUEST, AMEND or CANCEL.';
COMMENT ON COLUMN ledger.dispatch_commands.attempt IS 'Number of the last request, from 1.';
COMMENT ON COLUMN ledger.dispatch_commands.incident_id IS 'The incident.';
COMMENT ON COLUMN ledger.dispatch_commands.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.dispatch_commands.partner_id IS 'The partner asked.';
COMMENT ON COLUMN ledger.dispatch_commands.procedure IS 'SECURITY or FIRE.';
COMMENT ON COLUMN ledger.dispatch_commands.reason IS 'The rule that decided to ask.';
COMMENT ON COLUMN ledger.dispatch_commands.covert IS 'Whoever comes must not give it away.';
COMMENT ON COLUMN ledger.dispatch_commands.alert_kinds IS 'What had been alerted by then.';
COMMENT ON COLUMN ledger.dispatch_commands.alert_count IS 'How many alerts by then.';
COMMENT ON COLUMN ledger.dispatch_commands.first_alert_at IS 'When the first alert was raised.';
COMMENT ON COLUMN ledger.dispatch_commands.last_alert_at IS 'When the last alert by then was raised.';
COMMENT ON COLUMN ledger.dispatch_commands.address IS 'Where to go: line1, line2, postal_code, city, country. Personal; null when unknown or erased.';
COMMENT ON COLUMN ledger.dispatch_commands.instructions IS 'The customer''s comment for whoever comes. Personal; null when unknown or erased.';
COMMENT ON COLUMN ledger.dispatch_commands.issued_at IS 'When it was issued.';
COMMENT ON COLUMN ledger.dispatch_commands.respond_by IS 'REQUEST: when the partner counts as silent.';
COMMENT ON COLUMN ledger.dispatch_commands.cause IS 'The rule of the decision that sent it.';
COMMENT ON COLUMN ledger.dispatch_commands.kafka_partition IS 'Partition of the record.';
COMMENT ON COLUMN ledger.dispatch_commands.kafka_offset IS 'Offset of the record.';

CREATE TABLE ledger.dispatch_reports (
    report_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C" NOT NULL,
    dispatch_id text COLLATE "C" NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    disposition text,
    reason text,
    reported_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, received_at)
) PARTITION BY RANGE (received_at);
CREATE INDEX dispatch_reports_of_dispatch ON ledger.dispatch_reports (dispatch_id);
CREATE INDEX dispatch_reports_of_site ON ledger.dispatch_reports (site_id);
COMMENT ON TABLE ledger.dispatch_reports IS 'What partners say of their dispatches.';
COMMENT ON COLUMN ledger.dispatch_reports.report_id IS 'The report.';
COMMENT ON COLUMN ledger.dispatch_reports.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.dispatch_reports.incident_id IS 'The incident it names.';
COMMENT ON COLUMN ledger.dispatch_reports.dispatch_id IS 'The dispatch.';
COMMENT ON COLUMN ledger.dispatch_reports.partner_id IS 'The partner.';
COMMENT ON COLUMN ledger.dispatch_reports.status IS 'ACCEPTED, REJECTED, EN_ROUTE, ON_SITE, CLOSED, UNKNOWN.';
COMMENT ON COLUMN ledger.dispatch_reports.disposition IS 'What the guard found.';
COMMENT ON COLUMN ledger.dispatch_reports.reason IS 'Why, as of a rejection. Free text: may be personal; null once erased.';
COMMENT ON COLUMN ledger.dispatch_reports.reported_at IS 'When it was reported, as the partner says.';
COMMENT ON COLUMN ledger.dispatch_reports.received_at IS 'Timestamp of its record on Kafka.';
COMMENT ON COLUMN ledger.dispatch_reports.kafka_partition IS 'Partition of its record.';
COMMENT ON COLUMN ledger.dispatch_reports.kafka_offset IS 'Offset of its record.';

CREATE TABLE ledger.operator_actions (
    action_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C",
    action text NOT NULL,
    reason text,
    operator text NOT NULL,
    taken_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, received_at)
) PARTITION BY RANGE (received_at);
CREATE INDEX operator_actions_of_site ON ledger.operator_actions (site_id);
COMMENT ON TABLE ledger.operator_actions IS 'What operators decided, and why.';
COMMENT ON COLUMN ledger.operator_actions.action_id IS 'The action.';
COMMENT ON COLUMN ledger.operator_actions.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.operator_actions.incident_id IS 'The incident it names.';
COMMENT ON COLUMN ledger.operator_actions.action IS 'CLOSE or DISPATCH.';
COMMENT ON COLUMN ledger.operator_actions.reason IS 'Why. Free text: may be personal; null once erased.';
COMMENT ON COLUMN ledger.operator_actions.operator IS 'Who.';
COMMENT ON COLUMN ledger.operator_actions.taken_at IS 'When, as the desk says.';
COMMENT ON COLUMN ledger.operator_actions.received_at IS 'Timestamp of its record on Kafka.';
COMMENT ON COLUMN ledger.operator_actions.kafka_partition IS 'Partition of its record.';
COMMENT ON COLUMN ledger.operator_actions.kafka_offset IS 'Offset of its record.';

CREATE TABLE ledger.attention (
    attention_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C",
    site_id text COLLATE "C" NOT NULL,
    procedure text,
    reason text NOT NULL,
    repeat integer NOT NULL,
    cause text NOT NULL,
    covert boolean NOT NULL,
    alert_kinds text[] NOT NULL,
    alert_count integer NOT NULL,
    last_alert_at timestamptz,
    raised_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (attention_id, raised_at)
) PARTITION BY RANGE (raised_at);
CREATE INDEX attention_of_incident ON ledger.attention (incident_id);
CREATE INDEX attention_of_site ON ledger.attention (site_id);
COMMENT ON TABLE ledger.attention IS 'Every time that a human was asked to look.';
COMMENT ON COLUMN ledger.attention.attention_id IS 'The attention.';
COMMENT ON COLUMN ledger.attention.incident_id IS 'The incident; null when there is none.';
COMMENT ON COLUMN ledger.attention.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.attention.procedure IS 'SECURITY or FIRE; null without an incident.';
COMMENT ON COLUMN ledger.attention.reason IS 'Why a human must look.';
COMMENT ON COLUMN ledger.attention.repeat IS '0 for the first of its reason, then counting.';
COMMENT ON COLUMN ledger.attention.cause IS 'The rule of the decision that raised it.';
COMMENT ON COLUMN ledger.attention.covert IS 'Whoever looks must not give it away.';
COMMENT ON COLUMN ledger.attention.alert_kinds IS 'What had been alerted by then.';
COMMENT ON COLUMN ledger.attention.alert_count IS 'How many alerts by then.';
COMMENT ON COLUMN ledger.attention.last_alert_at IS 'When the last of them was raised.';
COMMENT ON COLUMN ledger.attention.raised_at IS 'When it was raised.';
COMMENT ON COLUMN ledger.attention.kafka_partition IS 'Partition of the record.';
COMMENT ON COLUMN ledger.attention.kafka_offset IS 'Offset of the record.';

CREATE TABLE ledger.quarantined (
    site_id text COLLATE "C" NOT NULL,
    alert_id text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    missing text[] NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    raised_at timestamptz NOT NULL,
    input_topic text NOT NULL,
    input_partition integer NOT NULL,
    input_offset bigint NOT NULL,
    site_offset bigint,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, at)
) PARTITION BY RANGE (at);
CREATE INDEX quarantined_of_site ON ledger.quarantined (site_id, at);
COMMENT ON TABLE ledger.quarantined IS 'Alerts that opened nothing, and why.';
COMMENT ON COLUMN ledger.quarantined.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.quarantined.alert_id IS 'The alert.';
COMMENT ON COLUMN ledger.quarantined.reason IS 'UNSUPPORTED_KIND, UNKNOWN_SITE, NOT_SUBSCRIBED, NOT_READY, ON_TEST.';
COMMENT ON COLUMN ledger.quarantined.missing IS 'What the site lacked, when NOT_READY.';
COMMENT ON COLUMN ledger.quarantined.at IS 'When it was decided.';
COMMENT ON COLUMN ledger.quarantined.kind IS 'Kind of the alert.';
COMMENT ON COLUMN ledger.quarantined.raised_at IS 'When the panel says that it raised it.';
COMMENT ON COLUMN ledger.quarantined.input_topic IS 'Topic of the alert, without prefix.';
COMMENT ON COLUMN ledger.quarantined.input_partition IS 'Partition of the alert.';
COMMENT ON COLUMN ledger.quarantined.input_offset IS 'Offset of the alert.';
COMMENT ON COLUMN ledger.quarantined.site_offset IS 'Offset of the site record in force; null when there was none.';
COMMENT ON COLUMN ledger.quarantined.kafka_partition IS 'Partition of the record.';
COMMENT ON COLUMN ledger.quarantined.kafka_offset IS 'Offset of the record.';

CREATE TABLE ledger.sites_readiness (
    site_id text COLLATE "C" PRIMARY KEY,
    subscribed boolean NOT NULL,
    ready boolean NOT NULL,
    needs_attention boolean NOT NULL,
    missing text[] NOT NULL,
    warnings text[] NOT NULL,
    at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL
);
CREATE INDEX sites_needing_attention ON ledger.sites_readiness (site_id) WHERE needs_attention;
COMMENT ON TABLE ledger.sites_readiness IS 'One row a site: whether its alerts go through. A deleted site has none.';
COMMENT ON COLUMN ledger.sites_readiness.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.sites_readiness.subscribed IS 'Whether the service is subscribed.';
COMMENT ON COLUMN ledger.sites_readiness.ready IS 'Subscribed, and nothing is missing.';
COMMENT ON COLUMN ledger.sites_readiness.needs_attention IS 'Subscribed, and something is missing: the exclamation mark.';
COMMENT ON COLUMN ledger.sites_readiness.missing IS 'What is missing.';
COMMENT ON COLUMN ledger.sites_readiness.warnings IS 'What is incomplete and does not block.';
COMMENT ON COLUMN ledger.sites_readiness.at IS 'When it was judged.';
COMMENT ON COLUMN ledger.sites_readiness.kafka_partition IS 'Partition of the record.';
COMMENT ON COLUMN ledger.sites_readiness.kafka_offset IS 'Offset of the record.';
