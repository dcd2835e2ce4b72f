"""Questions to the ledger: incidents, timelines, reports."""
