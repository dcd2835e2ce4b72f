SELECT ledger.months_before(%s)::text
