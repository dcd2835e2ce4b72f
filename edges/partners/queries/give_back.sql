-- Undo a claim that nobody waited for any more: none of its attempts has begun, and nobody has claimed them since.
WITH undone AS (
    UPDATE partners.commands
    SET leased_until = 0, attempts = commands.attempts - 1
    FROM unnest(%(command_ids)s::text[], %(numbers)s::integer[]) AS claimed (command_id, number)
    WHERE commands.command_id = claimed.command_id
        AND commands.attempts = claimed.number
        AND commands.state = 'PENDING'
    RETURNING claimed.command_id, claimed.number
)
DELETE FROM partners.attempts USING undone
WHERE attempts.command_id = undone.command_id AND attempts.number = undone.number
