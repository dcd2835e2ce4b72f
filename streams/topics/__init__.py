"""Topics as they stand: their records, read and decoded."""
