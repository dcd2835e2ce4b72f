-- Transmitters, each with who made its last revision by which request.
SELECT transmitter.*, last.by AS last_by, last.request AS last_request
FROM portal.transmitters AS transmitter
LEFT JOIN portal.transmitter_revisions AS last
    ON last.account = transmitter.account AND last.revision = transmitter.revision
WHERE transmitter.account = ANY(%(accounts)s)
