"""Stub."""

from ronde.errors import Failed


def worker() -> None:
    """Stub."""
    raise Failed("not built yet")
