"""Schemas and the bytes of values."""
