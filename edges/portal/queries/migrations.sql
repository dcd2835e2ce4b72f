CREATE SCHEMA IF NOT EXISTS portal;
CREATE TABLE IF NOT EXISTS portal.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON SCHEMA portal IS 'What customers configured: docs/portal.md.';
COMMENT ON TABLE portal.migrations IS 'The migrations applied.';
COMMENT ON COLUMN portal.migrations.number IS 'Its number.';
COMMENT ON COLUMN portal.migrations.name IS 'What it does.';
COMMENT ON COLUMN portal.migrations.applied_at IS 'When.'
