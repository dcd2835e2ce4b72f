"""The ledger: records from Kafka into PostgreSQL."""
