"""Records from Kafka, for the partitions that the group assigns."""
