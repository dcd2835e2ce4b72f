"""Real servers on this machine: Kafka, PostgreSQL, Prometheus."""
