WITH old AS (DELETE FROM partners.commands WHERE stored_at < %(before)s AND state <> 'PENDING')
DELETE FROM partners.reports WHERE taken_at < %(before)s AND acknowledged_at IS NOT NULL
