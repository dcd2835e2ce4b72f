-- Partners with a token or an account and without a webhook have their commands stored, too: only what is said of the
-- tables changes.

COMMENT ON TABLE partners.partners IS 'The partners that are asked over HTTP.';
COMMENT ON TABLE partners.commands IS 'Every command for a partner that is asked over HTTP, or has a token or an account.';
