"""Ctrl-C and SIGTERM, turned into one exception at a safe moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, the signals that mean *stop* raise `KeyboardInterrupt`, unless held back."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._holding = False
        self._pending = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold a signal back until the end of this block, so that every process started in it is recorded.

        What fails in it meanwhile is the signal's: Ctrl-C reaches the programs that it runs, too.
        """
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            if self._pending:
                raise KeyboardInterrupt

    def ignore(self) -> None:
        """Ignore further signals while the processes end."""
        self._holding = True

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._pending = True
        if not self._holding:
            raise KeyboardInterrupt
