"""The receiver's event loop: uvloop where it is installed, whose sockets and callbacks cost half of asyncio's."""

from __future__ import annotations

import asyncio

try:
    import uvloop
except ImportError:  # it is not built for every system
    uvloop = None


def new_loop() -> asyncio.AbstractEventLoop:
    """For `asyncio.Runner`."""
    return asyncio.new_event_loop() if uvloop is None else uvloop.new_event_loop()
