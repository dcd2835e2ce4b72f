"""Shared by commands: options, settings, errors, access to the topics and the ledger."""
