-- One that somebody else dropped meanwhile is null.
SELECT ledger.drop_month(to_regclass(%s))
