-- A tap is known again, also one that said what was said already. Before the index of 0004: what builds it would have to
-- take a stronger lock then, which ends in a deadlock with a report under way.

ALTER TABLE partners.reports ADD COLUMN taps bigint[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN partners.reports.taps IS 'The times of the guard''s taps that said the same.';
