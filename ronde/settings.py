"""Stub."""

from ronde.errors import Failed


def settings() -> None:
    """Stub."""
    raise Failed("not built yet")
