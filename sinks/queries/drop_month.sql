-- Null for a partition that another process dropped meanwhile.
SELECT ledger.drop_month(to_regclass(%s))
