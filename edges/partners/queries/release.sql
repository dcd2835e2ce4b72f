-- What an earlier life of this process had under way is taken again at once.
UPDATE partners.commands SET leased_until = 0 WHERE state = 'PENDING' AND owner = %(owner)s
