-- What came of an attempt, and what follows: its end, or the next one.
WITH ended AS (
    UPDATE partners.attempts
    SET ended_at = %(now)s, outcome = %(outcome)s, status = %(status)s
    WHERE command_id = %(command_id)s AND number = %(number)s
)
UPDATE partners.commands
SET leased_until = 0,
    due_at = coalesce(%(due_at)s::bigint, due_at),
    delivered_at = coalesce(delivered_at, CASE WHEN %(is_delivered)s THEN %(now)s END),
    state = CASE
        WHEN state <> 'PENDING' THEN state
        WHEN %(is_delivered)s THEN 'DELIVERED'
        WHEN %(due_at)s::bigint IS NULL THEN 'GIVEN_UP'
        ELSE state
    END
WHERE command_id = %(command_id)s AND attempts = %(number)s
