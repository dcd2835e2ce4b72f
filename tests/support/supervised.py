"""Processes that are started again whenever they end by themselves, as their supervisor in production does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tests.support.ronde_process import RondeProcess


def nothing(_process: RondeProcess) -> None:
    """What most tests do with an end."""


@contextmanager
def supervised(
    processes: Callable[[], Iterable[RondeProcess]], ended: Callable[[RondeProcess], None] = nothing
) -> Iterator[None]:
    """Start again what was started and ends; ``ended`` is called before, with each."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(0.1):
            for process in processes():
                if process.lives and not process.is_alive:
                    ended(process)
                    process.start()

    thread = threading.Thread(target=keep, name="supervisor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
