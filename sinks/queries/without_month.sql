SELECT ledger.without_month(%s)::text
