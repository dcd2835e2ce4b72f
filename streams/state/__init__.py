"""What a worker holds of its partitions, how it changes, and how it comes back from the log."""
