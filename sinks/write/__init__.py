"""Chunks into the ledger: rows and positions in one transaction."""
