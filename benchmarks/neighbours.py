"""Whether the machine was left alone: what others used of its processors while something was measured.

Others are all but the benchmark itself, its children (the contender is one) and the broker that it started. A
hypervisor that lends the cores elsewhere (steal) counts like them.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final, NamedTuple, Self

import psutil

from benchmarks.broker import Broker

# Of cores, on average over a run: a machine left alone shows 0.01.
QUIET_CORES: Final = 0.1


class Usage(NamedTuple):
    """So far, in seconds: the clock, what the processors worked, what was stolen of them, what of the work is ours."""

    at: float
    worked: float
    stolen: float
    ours: float

    @classmethod
    def now(cls, node: Broker) -> Self:
        """Children count when they have ended: a contender, behind its run."""
        whole, own = psutil.cpu_times(), os.times()
        ours = own.user + own.system + own.children_user + own.children_system + node.cpu_seconds()
        # Interrupts are nobody's: the kernel counts them apart.
        return cls(time.monotonic(), whole.user + whole.nice + whole.system, getattr(whole, "steal", 0.0), ours)

    def since(self, before: Usage) -> dict[str, Any]:
        """For the record: the cores that others used on average since then, and the load average (1 min)."""
        seconds = self.at - before.at
        others = (self.worked - before.worked) - (self.ours - before.ours)
        return {
            "others_cores": round(max(others, 0.0) / seconds, 3),
            "stolen_cores": round((self.stolen - before.stolen) / seconds, 3),
            "load_average": round(os.getloadavg()[0], 2),
        }


def taken(row: dict[str, Any]) -> float | None:
    """The cores that were not ours while a row was measured; None when that was not looked at."""
    found = row.get("neighbours")
    return None if found is None else float(found["others_cores"] + found["stolen_cores"])
