UPDATE partners.commands SET state = 'GIVEN_UP'
WHERE state = 'PENDING' AND gives_up_at <= %(now)s AND leased_until <= %(now)s
