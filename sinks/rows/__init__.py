"""From the values of records to rows of the ledger."""
