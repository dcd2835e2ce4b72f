"""Kafka from below: clients, topics, offsets, access."""
