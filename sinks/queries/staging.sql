-- Where a chunk lies before it is put into the ledger: as its records have it, instants in milliseconds since 1970.
-- Of this connection alone, unlogged, and empty again when the transaction ends.

CREATE TEMPORARY TABLE staging_decisions (
    decision_id text COLLATE "C",
    incident_id text COLLATE "C",
    procedure_version text,
    site_id text COLLATE "C",
    version integer,
    at bigint,
    input_kind text,
    input_id text COLLATE "C",
    input_topic text,
    input_partition integer,
    input_offset bigint,
    site_offset bigint,
    rule text,
    phase_from text,
    phase_to text,
    round integer,
    position integer,
    deadline bigint,
    disposition text,
    outputs text[],
    calls smallint,
    dispatches smallint,
    requests smallint,
    attentions smallint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_alerts (
    alert_id text COLLATE "C",
    site_id text COLLATE "C",
    kind text,
    raised_at bigint,
    zone text,
    detail text,
    source text,
    received_at bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_calls (
    command_id text COLLATE "C",
    action text,
    target_command_id text COLLATE "C",
    incident_id text COLLATE "C",
    site_id text COLLATE "C",
    procedure text,
    round integer,
    position integer,
    contact_id text COLLATE "C",
    contact_name text,
    phone text,
    language text,
    alert_kinds text[],
    leave_message boolean,
    issued_at bigint,
    expires_at bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_call_results (
    result_id text COLLATE "C",
    site_id text COLLATE "C",
    incident_id text COLLATE "C",
    command_id text COLLATE "C",
    contact_id text COLLATE "C",
    direction text,
    outcome text,
    situation text,
    message_left boolean,
    detail text,
    operator text,
    ended_at bigint,
    received_at bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_dispatches (
    command_id text COLLATE "C",
    dispatch_id text COLLATE "C",
    action text,
    attempt integer,
    incident_id text COLLATE "C",
    site_id text COLLATE "C",
    partner_id text COLLATE "C",
    procedure text,
    reason text,
    covert boolean,
    alert_kinds text[],
    alert_count integer,
    first_alert_at bigint,
    last_alert_at bigint,
    address jsonb,
    instructions text,
    issued_at bigint,
    respond_by bigint,
    cause text,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_dispatch_reports (
    report_id text COLLATE "C",
    site_id text COLLATE "C",
    incident_id text COLLATE "C",
    dispatch_id text COLLATE "C",
    partner_id text COLLATE "C",
    status text,
    disposition text,
    reason text,
    reported_at bigint,
    received_at bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_operator_actions (
    action_id text COLLATE "C",
    site_id text COLLATE "C",
    incident_id text COLLATE "C",
    action text,
    reason text,
    operator text,
    taken_at bigint,
    received_at bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_attention (
    attention_id text COLLATE "C",
    incident_id text COLLATE "C",
    site_id text COLLATE "C",
    procedure text,
    reason text,
    repeat integer,
    cause text,
    covert boolean,
    alert_kinds text[],
    alert_count integer,
    last_alert_at bigint,
    raised_at bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_quarantine (
    site_id text COLLATE "C",
    alert_id text COLLATE "C",
    reason text,
    missing text[],
    at bigint,
    kind text,
    raised_at bigint,
    input_topic text,
    input_partition integer,
    input_offset bigint,
    site_offset bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS;

CREATE TEMPORARY TABLE staging_readiness (
    site_id text COLLATE "C",
    subscribed boolean,
    ready boolean,
    needs_attention boolean,
    missing text[],
    warnings text[],
    at bigint,
    kafka_partition integer,
    kafka_offset bigint
) ON COMMIT DELETE ROWS
