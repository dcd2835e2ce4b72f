"""Stub."""

from ronde.errors import Failed


def demo() -> None:
    """Stub."""
    raise Failed("not built yet")
