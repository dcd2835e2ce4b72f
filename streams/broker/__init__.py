"""The broker, from our side: its clients, topics, offsets and access rules."""
