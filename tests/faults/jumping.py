"""A worker whose wall clock is set wrong while it runs: what ``ronde worker`` does, by another clock.

The file named by ``TEST_CLOCK_OFFSET`` has the offset in milliseconds; it is looked at on every reading.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

VARIABLE: Final = "TEST_CLOCK_OFFSET"
PYTHON: Final = ("-c", "from tests.faults.jumping import main; main()")


def main() -> None:
    """Be `ronde`, with a clock that jumps."""
    offset, real = Path(os.environ[VARIABLE]), time.time_ns

    def wrong_ns() -> int:
        return real() + int(offset.read_text(encoding="ascii") or 0) * 1_000_000

    time.time_ns = wrong_ns
    time.time = lambda: wrong_ns() / 1e9
    from ronde.cli import main as ronde  # noqa: PLC0415 - after the clock

    sys.argv[0] = "ronde"
    ronde()
