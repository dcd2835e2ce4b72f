-- What the edges record: the signals of panels, who claims a call or an attention, what happens at the desks.

CREATE TABLE ledger.signals (
    signal_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C",
    account text COLLATE "C" NOT NULL,
    protocol text NOT NULL,
    sequence text,
    code text,
    qualifier text,
    partition text,
    zone text,
    "user" text,
    meaning text NOT NULL,
    kind text,
    alert_id text COLLATE "C",
    outcome text NOT NULL,
    reason text,
    occurred_at timestamptz,
    raised_at timestamptz,
    received_at timestamptz NOT NULL,
    receiver text NOT NULL,
    authenticated boolean NOT NULL,
    text text,
    raw bytea,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE ledger.signals_other PARTITION OF ledger.signals DEFAULT;
CREATE INDEX signals_of_site ON ledger.signals (site_id, received_at);
CREATE INDEX signals_of_account ON ledger.signals (account, received_at);
COMMENT ON TABLE ledger.signals IS 'Every event that a panel or a program sent to a receiver, with what the receiver made of it.';
COMMENT ON COLUMN ledger.signals.signal_id IS 'The signal.';
COMMENT ON COLUMN ledger.signals.site_id IS 'The protected home; null where the account is unknown.';
COMMENT ON COLUMN ledger.signals.account IS 'Account of the transmitter; empty for HTTP.';
COMMENT ON COLUMN ledger.signals.protocol IS 'DC09 or HTTP.';
COMMENT ON COLUMN ledger.signals.sequence IS 'Sequence number of the frame, as sent.';
COMMENT ON COLUMN ledger.signals.code IS 'Code of the event, as sent.';
COMMENT ON COLUMN ledger.signals.qualifier IS 'NEW, RESTORE or STATUS.';
COMMENT ON COLUMN ledger.signals.partition IS 'Partition of the panel, as sent.';
COMMENT ON COLUMN ledger.signals.zone IS 'Zone, as sent.';
COMMENT ON COLUMN ledger.signals."user" IS 'User of the panel, as sent. Personal; null when unknown or erased.';
COMMENT ON COLUMN ledger.signals.meaning IS 'What the code stands for, such as BURGLARY.';
COMMENT ON COLUMN ledger.signals.kind IS 'Kind of the alert that it was taken for; null when it is none.';
COMMENT ON COLUMN ledger.signals.alert_id IS 'The alert that was made of it, or of its first copy.';
COMMENT ON COLUMN ledger.signals.outcome IS 'ALERT, SIGNAL, REPEATED, UNKNOWN_ACCOUNT, REFUSED.';
COMMENT ON COLUMN ledger.signals.reason IS 'Why it was refused, or taken as it was.';
COMMENT ON COLUMN ledger.signals.occurred_at IS 'When the event occurred, as the panel says.';
COMMENT ON COLUMN ledger.signals.raised_at IS 'raised_at of its alert; of a copy, that of the first copy''s alert.';
COMMENT ON COLUMN ledger.signals.received_at IS 'When the receiver took it, by its clock.';
COMMENT ON COLUMN ledger.signals.receiver IS 'The receiver that took it.';
COMMENT ON COLUMN ledger.signals.authenticated IS 'Whether its sender proved to have a key or a token.';
COMMENT ON COLUMN ledger.signals.text IS 'What else the panel sent. Free text: may be personal; null once erased.';
COMMENT ON COLUMN ledger.signals.raw IS 'What was sent, byte for byte. May hold personal data; null once erased.';
COMMENT ON COLUMN ledger.signals.kafka_partition IS 'Partition of its record.';
COMMENT ON COLUMN ledger.signals.kafka_offset IS 'Offset of its record.';

CREATE TABLE ledger.claims (
    claim_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C",
    subject text COLLATE "C" NOT NULL,
    by text NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    seconds integer NOT NULL,
    received_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE ledger.claims_other PARTITION OF ledger.claims DEFAULT;
CREATE INDEX claims_of_incident ON ledger.claims (incident_id);
CREATE INDEX claims_of_site ON ledger.claims (site_id, received_at);
COMMENT ON TABLE ledger.claims IS 'Every record by which a person or a robot takes, keeps or leaves a call or an attention. Who holds it follows from their order in a partition.';
COMMENT ON COLUMN ledger.claims.claim_id IS 'The claim.';
COMMENT ON COLUMN ledger.claims.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.claims.incident_id IS 'The incident; null when there is none.';
COMMENT ON COLUMN ledger.claims.subject IS 'The command or the attention that is claimed.';
COMMENT ON COLUMN ledger.claims.by IS 'Who claims it.';
COMMENT ON COLUMN ledger.claims.who IS 'PERSON or ROBOT.';
COMMENT ON COLUMN ledger.claims.action IS 'TAKE, TAKE_OVER, RENEW, RELEASE.';
COMMENT ON COLUMN ledger.claims.seconds IS 'For how long it is held from then on.';
COMMENT ON COLUMN ledger.claims.received_at IS 'Timestamp of its record, by the broker''s clock.';
COMMENT ON COLUMN ledger.claims.kafka_partition IS 'Partition of its record.';
COMMENT ON COLUMN ledger.claims.kafka_offset IS 'Offset of its record.';

CREATE TABLE ledger.desk_events (
    event_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C",
    operator text NOT NULL,
    action text NOT NULL,
    subject text COLLATE "C",
    detail text,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    PRIMARY KEY (kafka_partition, kafka_offset, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE ledger.desk_events_other PARTITION OF ledger.desk_events DEFAULT;
CREATE INDEX desk_events_of_incident ON ledger.desk_events (incident_id);
CREATE INDEX desk_events_of_site ON ledger.desk_events (site_id, received_at);
COMMENT ON TABLE ledger.desk_events IS 'What people did at a desk that decides nothing: who looked, which words were tried, what was noted.';
COMMENT ON COLUMN ledger.desk_events.event_id IS 'The event.';
COMMENT ON COLUMN ledger.desk_events.site_id IS 'The protected home.';
COMMENT ON COLUMN ledger.desk_events.incident_id IS 'The incident; null when there is none.';
COMMENT ON COLUMN ledger.desk_events.operator IS 'Who did it.';
COMMENT ON COLUMN ledger.desk_events.action IS 'VIEWED, WORD_TRIED, CALL_PLACED, ATTENTION_SEEN, NOTE, UNDELIVERED.';
COMMENT ON COLUMN ledger.desk_events.subject IS 'The command or the attention that it is about.';
COMMENT ON COLUMN ledger.desk_events.detail IS 'Of a word tried: RIGHT, WRONG, DURESS; of a note: its text. May be personal; null once erased.';
COMMENT ON COLUMN ledger.desk_events.at IS 'When, as the desk says.';
COMMENT ON COLUMN ledger.desk_events.received_at IS 'Timestamp of its record on Kafka.';
COMMENT ON COLUMN ledger.desk_events.kafka_partition IS 'Partition of its record.';
COMMENT ON COLUMN ledger.desk_events.kafka_offset IS 'Offset of its record.';

ALTER FUNCTION ledger.erase(text, text, timestamptz) RENAME TO erase_from_engine_records;
COMMENT ON FUNCTION ledger.erase_from_engine_records IS
    'Part of ledger.erase: notes the erasure, and removes personal data from the records of the engine and its inputs.';

CREATE FUNCTION ledger.erase(the_site_id text, the_contact_id text, the_time timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
    total bigint := ledger.erase_from_engine_records(the_site_id, the_contact_id, the_time);
BEGIN
    IF total IS NULL OR the_contact_id <> '' THEN  -- done before; no record of the edges names a contact
        RETURN total;
    END IF;
    UPDATE ledger.signals SET raw = NULL, text = NULL, "user" = NULL
    WHERE site_id = the_site_id AND received_at <= the_time
        AND (raw IS NOT NULL OR text IS NOT NULL OR "user" IS NOT NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    total := total + changed;
    UPDATE ledger.desk_events SET detail = NULL
    WHERE site_id = the_site_id AND received_at <= the_time AND detail IS NOT NULL;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN total + changed;
END
$$;
COMMENT ON FUNCTION ledger.erase IS
    'Removes the personal data of a site (its contact empty), of a contact (its site empty), or of a contact of a site, from every record up to a time. Returns how many records held any; null when that was done before.';
