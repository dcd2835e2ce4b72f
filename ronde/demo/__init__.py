"""The demonstration: thirteen stories, live on a real Kafka."""
