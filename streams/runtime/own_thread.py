"""A question asked in a thread that nobody waits for when the process ends: its answer may never come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TypeVar

R = TypeVar("R")


def in_own_thread(ask: Callable[[], R], name: str) -> asyncio.Future[R]:
    """Ask; the loop's own threads are few, and other work that hangs may have them all."""
    answer: Future[R] = Future()

    def run() -> None:
        with suppress(InvalidStateError):  # cancelled meanwhile
            try:
                answer.set_result(ask())
            except Exception as error:  # noqa: BLE001  # raised where the answer is awaited
                answer.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return asyncio.wrap_future(answer)
