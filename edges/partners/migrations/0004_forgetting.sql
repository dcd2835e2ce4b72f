-- What is old is found without looking at what is not.

CREATE INDEX reports_taken ON partners.reports (taken_at);
