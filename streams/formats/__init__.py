"""Bytes and text to the core's values, and back."""
