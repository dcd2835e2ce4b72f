"""The sink from its start to its end."""
