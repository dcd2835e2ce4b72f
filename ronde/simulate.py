"""Stub."""

from ronde.errors import Failed


def simulate() -> None:
    """Stub."""
    raise Failed("not built yet")
