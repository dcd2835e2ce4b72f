"""When Python looks for cycles: seldom, where millions of objects live that are in none."""

from __future__ import annotations

import gc
from typing import Final

# After how many new objects, and after how many looks at older ones. What is read from Kafka makes no cycles, and all
# that is remembered of it would be looked through again and again, for a tenth of a second each time.
_SELDOM: Final = (50_000, 10, 20)


def seldom() -> None:
    """Look seldom from now on: before a process reads what there is."""
    gc.set_threshold(*_SELDOM)


def keep() -> None:
    """Never look into what is there now: once a process has read it."""
    gc.collect()
    gc.freeze()
