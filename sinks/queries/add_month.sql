SELECT ledger.add_month(%s)
