INSERT INTO ledger.migrations (number, name) VALUES (%s, %s)
