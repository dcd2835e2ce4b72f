"""What several commands share: options, settings, errors, the way to the topics and the ledger."""
