-- Commands on their way to partners over HTTP, and their reports (docs/partners.md). Ids are compared byte by byte
-- (COLLATE "C"), as they are on Kafka. Instants are Unix milliseconds.

CREATE TABLE partners.partners (
    partner_id text COLLATE "C" PRIMARY KEY,
    url text NOT NULL,
    allow_private boolean NOT NULL,
    added_at bigint NOT NULL
);
COMMENT ON TABLE partners.partners IS 'The partners that are asked over HTTP; commands for others are not stored.';
COMMENT ON COLUMN partners.partners.partner_id IS 'As sites name it.';
COMMENT ON COLUMN partners.partners.url IS 'Where its commands are posted.';
COMMENT ON COLUMN partners.partners.allow_private IS 'Whether that may be an address of a private network.';
COMMENT ON COLUMN partners.partners.added_at IS 'When it was added or last changed.';

CREATE TABLE partners.secrets (
    partner_id text COLLATE "C" NOT NULL REFERENCES partners.partners ON DELETE CASCADE,
    secret text NOT NULL,
    added_at bigint NOT NULL,
    PRIMARY KEY (partner_id, secret)
);
COMMENT ON TABLE partners.secrets IS 'What a partner''s webhooks are signed by: one, or two during a rotation.';
COMMENT ON COLUMN partners.secrets.partner_id IS 'The partner.';
COMMENT ON COLUMN partners.secrets.secret IS 'The secret, as whsec_….';
COMMENT ON COLUMN partners.secrets.added_at IS 'When it came into force.';

CREATE TABLE partners.commands (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    command_id text COLLATE "C" PRIMARY KEY,
    dispatch_id text COLLATE "C" NOT NULL,
    partner_id text COLLATE "C" NOT NULL,
    site_id text COLLATE "C" NOT NULL,
    incident_id text COLLATE "C" NOT NULL,
    action text NOT NULL,
    value text NOT NULL,
    is_test boolean NOT NULL DEFAULT false,
    stored_at bigint NOT NULL,
    began_at bigint NOT NULL,
    gives_up_at bigint NOT NULL,
    due_at bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING', 'DELIVERED', 'SUPERSEDED', 'GIVEN_UP')),
    owner text NOT NULL DEFAULT '',
    leased_until bigint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    delivered_at bigint,
    undelivered_at bigint
);
CREATE INDEX commands_due ON partners.commands (partner_id, due_at) WHERE state = 'PENDING';
CREATE INDEX commands_dispatch ON partners.commands (dispatch_id, seq);
CREATE INDEX commands_stored ON partners.commands (stored_at);
CREATE INDEX commands_undelivered ON partners.commands (stored_at)
WHERE delivered_at IS NULL AND undelivered_at IS NULL AND NOT is_test AND action <> 'REQUEST';
COMMENT ON TABLE partners.commands IS 'Every command for a partner that is asked over HTTP.';
COMMENT ON COLUMN partners.commands.seq IS 'The order of a dispatch''s commands.';
COMMENT ON COLUMN partners.commands.command_id IS 'The command; the webhook''s id.';
COMMENT ON COLUMN partners.commands.dispatch_id IS 'Its dispatch.';
COMMENT ON COLUMN partners.commands.partner_id IS 'Whom it is for.';
COMMENT ON COLUMN partners.commands.site_id IS 'The site.';
COMMENT ON COLUMN partners.commands.incident_id IS 'The incident.';
COMMENT ON COLUMN partners.commands.action IS 'REQUEST, AMEND, CANCEL.';
COMMENT ON COLUMN partners.commands.value IS 'The command as JSON.';
COMMENT ON COLUMN partners.commands.is_test IS 'Whether it is a test, of which the engine knows nothing.';
COMMENT ON COLUMN partners.commands.stored_at IS 'When it was first stored.';
COMMENT ON COLUMN partners.commands.began_at IS 'What its schedule of attempts counts from.';
COMMENT ON COLUMN partners.commands.gives_up_at IS 'When its attempts end.';
COMMENT ON COLUMN partners.commands.due_at IS 'When its next attempt is due.';
COMMENT ON COLUMN partners.commands.state IS 'PENDING; DELIVERED; SUPERSEDED by a later command; GIVEN_UP.';
COMMENT ON COLUMN partners.commands.owner IS 'The process that makes its present attempt.';
COMMENT ON COLUMN partners.commands.leased_until IS 'Until when no other process takes it.';
COMMENT ON COLUMN partners.commands.attempts IS 'How many attempts were begun.';
COMMENT ON COLUMN partners.commands.delivered_at IS 'When the partner had it.';
COMMENT ON COLUMN partners.commands.undelivered_at IS 'When operators learned that it does not arrive.';

CREATE TABLE partners.attempts (
    command_id text COLLATE "C" NOT NULL REFERENCES partners.commands ON DELETE CASCADE,
    number integer NOT NULL,
    at bigint NOT NULL,
    ended_at bigint,
    outcome text,
    status integer,
    PRIMARY KEY (command_id, number)
);
COMMENT ON TABLE partners.attempts IS 'Every attempt to post a command.';
COMMENT ON COLUMN partners.attempts.command_id IS 'The command.';
COMMENT ON COLUMN partners.attempts.number IS 'From 1.';
COMMENT ON COLUMN partners.attempts.at IS 'When it began.';
COMMENT ON COLUMN partners.attempts.ended_at IS 'When its answer was noted; null: it is under way, or its process ended.';
COMMENT ON COLUMN partners.attempts.outcome IS 'DELIVERED, or why not.';
COMMENT ON COLUMN partners.attempts.status IS 'The HTTP status of the answer.';

CREATE TABLE partners.reports (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    report_id text COLLATE "C" PRIMARY KEY,
    dispatch_id text COLLATE "C" NOT NULL,
    step text NOT NULL,
    disposition text,
    reason text,
    reported_at bigint NOT NULL,
    taken_at bigint NOT NULL,
    acknowledged_at bigint
);
CREATE INDEX reports_dispatch ON partners.reports (dispatch_id, seq);
CREATE INDEX reports_open ON partners.reports (taken_at) WHERE acknowledged_at IS NULL;
COMMENT ON TABLE partners.reports IS 'What partners reported over HTTP.';
COMMENT ON COLUMN partners.reports.seq IS 'The order of a dispatch''s reports.';
COMMENT ON COLUMN partners.reports.report_id IS 'The report.';
COMMENT ON COLUMN partners.reports.dispatch_id IS 'Its dispatch.';
COMMENT ON COLUMN partners.reports.step IS 'accepted, rejected, en-route, on-site, closed.';
COMMENT ON COLUMN partners.reports.disposition IS 'What was found.';
COMMENT ON COLUMN partners.reports.reason IS 'Why.';
COMMENT ON COLUMN partners.reports.reported_at IS 'When the partner said it.';
COMMENT ON COLUMN partners.reports.taken_at IS 'When it was stored.';
COMMENT ON COLUMN partners.reports.acknowledged_at IS 'When Kafka had it; of a test, when it was stored.';

CREATE TABLE partners.page_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    secret text NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text
);
INSERT INTO partners.page_key DEFAULT VALUES;
COMMENT ON TABLE partners.page_key IS 'What links to the guard''s page are signed by.';
COMMENT ON COLUMN partners.page_key.is_only IS 'There is one row.';
COMMENT ON COLUMN partners.page_key.secret IS '244 random bits.';
