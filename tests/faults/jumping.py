"""A worker whose wall clock is set wrong while it runs: what ``ronde worker`` does, by another clock of Python's.

The file named by ``TEST_CLOCK_OFFSET`` has the offset in seconds; it is looked at on every reading.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

VARIABLE: Final = "TEST_CLOCK_OFFSET"


class Clock:
    """The clock of a process started as ``python``, with ``environment``; it is right until it is `set`."""

    python: Sequence[str] = ("-c", "from tests.faults.jumping import main; main()")

    def __init__(self, file: Path) -> None:
        self._file = file
        self.environment: Mapping[str, str] = {VARIABLE: str(file)}
        self.set(0)

    def set(self, offset_seconds: int) -> None:
        """Have it go wrong by so much from now on. Whole at once: it is read at any time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset_seconds:+d}", encoding="ascii")
        new.replace(self._file)


def main() -> None:
    """Be `ronde`, with a clock that jumps."""
    offset, real = Path(os.environ[VARIABLE]), time.time_ns

    def wrong_ns() -> int:
        return real() + int(offset.read_text(encoding="ascii")) * 1_000_000_000

    time.time_ns = wrong_ns
    time.time = lambda: wrong_ns() / 1e9
    from ronde.cli import main as ronde  # noqa: PLC0415 - after the clock

    sys.argv[0] = "ronde"
    ronde()
