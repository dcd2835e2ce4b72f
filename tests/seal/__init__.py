"""The seal."""
