"""The demonstration: thirteen stories, from the panel to the guard, live on a real Kafka."""
