"""A wall clock that is set wrong beside a running worker: libfaketime, loaded before all else, reads a file.

The whole process has that clock, librdkafka's threads with it. Its monotonic clock stays right, as it does on a machine
whose wall clock somebody sets. Only waits under way differ from there: they end when they would have ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.faults.jumping import Clock
from tests.support.ronde_process import RONDE

_LIBRARY: Final = "vendor/libfaketime/src/libfaketime.so.1"  # in its package, for Linux on x86-64
_WAITS: Final = Path(__file__).with_name("waits.c")
NEEDS: Final = "a C compiler (`cc`) and Linux on x86-64"
_TRIAL_SECONDS: Final = -1_000_000_000  # back by thirty years


class Faketime(Clock):
    """The clock of a whole process."""

    python = RONDE

    def __init__(self, file: Path, *libraries: Path) -> None:
        super().__init__(file)
        self.environment = {
            "LD_PRELOAD": ":".join(map(str, libraries)),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    @property
    def works(self) -> bool:
        """Whether Python has that clock; libraries of another machine are passed over when it starts."""
        self.set(_TRIAL_SECONDS)
        told, real = (
            subprocess.run(
                [sys.executable, "-c", "import time; print(time.time())"],
                env=environment, capture_output=True, text=True, check=True,
            ).stdout
            for environment in (os.environ | self.environment, os.environ)
        )  # fmt: skip
        self.set(0)
        return float(told) < float(real) + _TRIAL_SECONDS / 2


def wrong_clock(folder: Path) -> Clock:
    """A clock of a whole process; where there can be none, of Python alone."""
    compiler, package = shutil.which("cc"), find_spec("libfaketime")
    assert package is not None
    assert package.origin is not None
    if compiler is not None:
        waits = folder / "waits.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", waits, _WAITS], check=True)
        clock = Faketime(folder / "clock", waits, Path(package.origin).parent / _LIBRARY)
        if clock.works:
            return clock
    return Clock(folder / "clock")
