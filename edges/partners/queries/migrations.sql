CREATE SCHEMA IF NOT EXISTS partners;
CREATE TABLE IF NOT EXISTS partners.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON SCHEMA partners IS 'Partners that are asked over HTTP: docs/partners.md.';
COMMENT ON TABLE partners.migrations IS 'The migrations applied.';
COMMENT ON COLUMN partners.migrations.number IS 'Its number.';
COMMENT ON COLUMN partners.migrations.name IS 'What it does.';
COMMENT ON COLUMN partners.migrations.applied_at IS 'When.'
