-- The number of records that held something personal; null when the erasure was carried out before.
SELECT ledger.erase(%s, %s, %s, %s)
