-- What came of attempts, and what follows: the end of a command, or its next attempt. Of an attempt that began before
-- the command was to be posted again, nothing follows.
WITH answers AS (
    SELECT *
    FROM unnest(
        %(command_ids)s::text[], %(numbers)s::integer[], %(began)s::bigint[], %(outcomes)s::text[],
        %(statuses)s::integer[], %(due)s::bigint[]
    ) AS given (command_id, number, began_at, outcome, status, due_at)
),
ended AS (
    UPDATE partners.attempts
    SET ended_at = %(now)s, outcome = answers.outcome, status = answers.status
    FROM answers
    WHERE attempts.command_id = answers.command_id AND attempts.number = answers.number
)
UPDATE partners.commands
SET leased_until = 0,
    due_at = coalesce(answers.due_at, commands.due_at),
    delivered_at = coalesce(delivered_at, CASE WHEN answers.outcome = 'DELIVERED' THEN %(now)s END),
    state = CASE
        WHEN state <> 'PENDING' THEN state
        WHEN answers.outcome = 'DELIVERED' THEN 'DELIVERED'
        WHEN answers.due_at IS NULL THEN 'GIVEN_UP'
        ELSE state
    END
FROM answers
WHERE commands.command_id = answers.command_id
    AND commands.began_at = answers.began_at
    AND (commands.attempts = answers.number OR answers.outcome = 'DELIVERED')
