"""The demonstration: thirteen stories on a real Kafka, before one's eyes."""
