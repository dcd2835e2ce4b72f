"""How a process ends: at a signal, and in time also where a part of it hangs."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


def stopped_by_signals(seconds: float, status: int) -> threading.Event:
    """An event that SIGTERM and SIGINT set; so many seconds later the process ends by itself."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        end_in(seconds, status)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping


def end_in(seconds: float, status: int) -> None:
    """End the process by itself in time: what was acknowledged is kept elsewhere."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
