"""How much slower this machine is than an idle one, for tests that say how long something may take."""

from __future__ import annotations

import os
import time
from typing import Final

# A test with its broker and workers keeps so many processes of a core busy by itself.
_OWN_LOAD: Final = 2.0
_LOOPS: Final = 500_000
_LOOPS_SECONDS: Final = 0.02  # for so many, on an idle machine


def slowness() -> float:
    """1 where the test is alone; 2 where twice as many processes wanted the cores of late, or the cores are slow.

    Load alone tells nothing of a machine whose cores are another's for half of the time.
    """
    began = time.perf_counter()
    for _ in range(_LOOPS):
        pass
    slow = (time.perf_counter() - began) / _LOOPS_SECONDS
    return max(os.getloadavg()[0] / ((os.cpu_count() or 1) * _OWN_LOAD), slow, 1.0)


def stretched(seconds: float) -> float:
    """So many seconds of an idle machine, on this one as it is now."""
    return seconds * slowness()
