-- Delete some of what is old, and leave to others what they are at; whether there is more.
WITH commands AS (
    DELETE FROM partners.commands
    WHERE command_id IN (
        SELECT command_id FROM partners.commands
        WHERE stored_at < %(before)s AND state <> 'PENDING'
        ORDER BY stored_at LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING command_id
),
reports AS (
    DELETE FROM partners.reports
    WHERE report_id IN (
        SELECT report_id FROM partners.reports
        WHERE taken_at < %(before)s AND acknowledged_at IS NOT NULL
        ORDER BY taken_at LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    )
    RETURNING report_id
)
SELECT greatest((SELECT count(*) FROM commands), (SELECT count(*) FROM reports)) >= %(most)s AS is_more
