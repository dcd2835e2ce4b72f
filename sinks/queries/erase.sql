-- How many records held something personal; null when it was done before.
SELECT ledger.erase(%s, %s, %s)
