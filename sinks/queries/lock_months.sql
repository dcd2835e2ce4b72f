-- An erasure waits until the rows that move with a month have moved, or they for it: else it would not find them. Who
-- has both locks waits for tables alone, and an erasure asks for its own before it has any table.
SELECT pg_advisory_xact_lock_shared(hashtext('ledger.erasures')), pg_advisory_xact_lock(hashtext('ledger.add_month'))
