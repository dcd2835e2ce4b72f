"""The receiver's event loop: uvloop where it is installed, whose sockets and callbacks cost half of asyncio's."""

from __future__ import annotations

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """For `asyncio.Runner`."""
    try:
        import uvloop  # noqa: PLC0415 - it is not built for every system
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
