"""How much slower this machine is than an idle one, for tests that say how long something may take."""

from __future__ import annotations

import os
from typing import Final

# A test with its broker and workers keeps so many processes of a core busy by itself.
_OWN_LOAD: Final = 2.0


def slowness() -> float:
    """1 where the test is alone, 2 where twice as many processes wanted the cores in the last minute."""
    return max(os.getloadavg()[0] / ((os.cpu_count() or 1) * _OWN_LOAD), 1.0)


def stretched(seconds: float) -> float:
    """So many seconds of an idle machine, on this one as it is now."""
    return seconds * slowness()
