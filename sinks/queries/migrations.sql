CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON SCHEMA ledger IS 'What ronde decided, as its topics have it: docs/ledger.md.';
COMMENT ON TABLE ledger.migrations IS 'The migrations applied.';
COMMENT ON COLUMN ledger.migrations.number IS 'Its number.';
COMMENT ON COLUMN ledger.migrations.name IS 'What it does.';
COMMENT ON COLUMN ledger.migrations.applied_at IS 'When.'
