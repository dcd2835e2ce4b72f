"""What stands around the core: time, JSON, Kafka."""
