SELECT ledger.trim_others(%s)
