CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON SCHEMA {schema} IS '{about}';
COMMENT ON TABLE {schema}.migrations IS 'The migrations applied.';
COMMENT ON COLUMN {schema}.migrations.number IS 'Its number.';
COMMENT ON COLUMN {schema}.migrations.name IS 'What it does.';
COMMENT ON COLUMN {schema}.migrations.applied_at IS 'When.'
