-- What this process had under way, at its end or in an earlier life, is taken again at once.
UPDATE partners.commands SET leased_until = 0 WHERE state = 'PENDING' AND owner = %(owner)s
