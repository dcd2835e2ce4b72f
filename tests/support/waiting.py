"""Waiting for what a process does in its own time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

PATIENCE: Final = 120.0  # seconds; nothing takes so long, also on a busy machine, unless it is broken
# A probe may cost as much as what it waits for: it soon asks less often.
_FIRST_PAUSE: Final = 0.02  # seconds
_LONGEST_PAUSE: Final = 0.15


def eventually(probe: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return the first true value of ``probe``; ``what`` names it where there is none in time."""
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        if value := probe():
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait in a loop for what sets no event; TimeoutError where it is not so in time."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110  # nobody would set an event
            await asyncio.sleep(0.01)
