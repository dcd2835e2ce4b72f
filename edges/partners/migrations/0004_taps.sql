-- A tap is known again, also one that said what was said already.

ALTER TABLE partners.reports ADD COLUMN taps bigint[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN partners.reports.taps IS 'The times of the guard''s taps that said the same.';
