SELECT ledger.add_month(%s::regclass, %s)
