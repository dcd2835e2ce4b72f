"""A million waits armed: how late those are that become due, one by one and twenty thousand at once.

Lateness is from the deadline to the moment when a reader of committed records has the decision. Alerts come in
meanwhile, at a steady rate, on other sites.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import Any, Final, NamedTuple

from benchmarks import incidents
from benchmarks.arrivals import Arrivals
from benchmarks.contenders import Ronde
from benchmarks.figures import milliseconds
from benchmarks.latency import PROBES, at_pace, decisions_of, wait_ready
from benchmarks.logs import Logs
from benchmarks.pace import Stream
from benchmarks.run import Run, run
from benchmarks.wires import RONDE

FAR_MS: Final = 12 * 3600 * 1000
ALERTS: Final = 1_000  # a second
DUE: Final = 100  # waits a second
SECONDS: Final = 60
TOGETHER: Final = 20_000  # waits at one instant
MEANWHILE_MS: Final = 2_000  # the alerts sent so long after it
PACE_SECONDS: Final = 2.0  # before the first is due, alerts flow


class Plan(NamedTuple):
    """When waits become due (ms): one after the other from ``first_at``, then many at ``together_at``."""

    first_at: int
    together_at: int

    def deadline(self, number: int) -> int:
        """That of the wait of this number."""
        if number < DUE * SECONDS:
            return self.first_at + number * 1000 // DUE
        if number < DUE * SECONDS + TOGETHER:
            return self.together_at
        return self.first_at + FAR_MS + number


def timers(logs: Logs, shipped: Ronde, armed: int, restore_seconds: float) -> dict[str, Any]:
    """One run with so many waits armed. ``restore_seconds``: after which the worker must be ready."""
    site_ids = [f"wait-{number:07d}" for number in range(armed)]
    steady, meanwhile = Stream("a", ALERTS), Stream("b", ALERTS)
    traffic = chain(PROBES.site_ids(1), steady.site_ids(SECONDS + 5), meanwhile.site_ids(30))
    with run(logs, shipped, chain(traffic, site_ids)) as made:
        due = DUE * SECONDS + TOGETHER
        _arm(made, site_ids[due:], Plan(0, 0), due)
        first_at = time.time_ns() // 1_000_000 + int(restore_seconds * 1000)
        plan = Plan(first_at, first_at + (SECONDS + 15) * 1000)
        _arm(made, site_ids[:due], plan, 0)
        started = made.start()
        arrivals = Arrivals(logs.address, made.topics.decisions)
        try:
            wait_ready(made, arrivals)
            ready = time.time()
            left = plan.first_at / 1000 - ready - PACE_SECONDS
            if left < 0:
                raise TimeoutError(f"the worker was ready {-left:.1f} s too late: give the restore more seconds")
            arrivals.pump(left)
            at_pace(made, arrivals, [steady], SECONDS + int(PACE_SECONDS) + 1)
            at_pace(made, arrivals, [meanwhile], 25)
            return {"ready_seconds": ready - started, **_figures(made, arrivals, plan, due), "armed": armed}
        finally:
            arrivals.close()


def _arm(made: Run, site_ids: list[str], plan: Plan, first: int) -> None:
    now = time.time_ns() // 1_000_000
    template = incidents.waiting(now)
    plan = plan if plan.first_at else Plan(now, now)
    records = incidents.records(site_ids, template, now, lambda number: plan.deadline(first + number))
    made.logs.write(f"{made.id}.state", records)


def _figures(made: Run, arrivals: Arrivals, plan: Plan, due: int) -> dict[str, Any]:
    steady: list[float] = []
    together: list[float] = []
    early = fired = 0
    for decision, at in arrivals.of(made.topics.decisions, RONDE.decision):
        if decision.rule != "WAIT_ENDED":
            continue
        number = int(decision.site_id.removeprefix("wait-"))
        deadline = plan.deadline(number)
        fired += 1
        early += decision.at < deadline
        (steady if number < DUE * SECONDS else together).append(at / 1000 - deadline)
    alerts = {}
    missing = 0
    for tag in ("a", "b"):
        sent, decided, _ = decisions_of(arrivals, made.topics.decisions, RONDE, tag)
        missing += len(sent) - len(decided)
        window = (plan.together_at, plan.together_at + MEANWHILE_MS) if tag == "b" else (0, plan.together_at)
        alerts[tag] = [
            (decided[number] - at) / 1000 for number, at in sent.items() if window[0] <= at / 1000 < window[1]
        ]
    return {
        "counts": fired == due and not early and not missing,
        "fired": fired,
        "early": early,
        "steady": milliseconds(steady),
        "together": milliseconds(together),
        "alerts_steady": milliseconds(alerts["a"]),
        "alerts_meanwhile": milliseconds(alerts["b"]),
        "peak_mib": round(made.peak_mib),
    }
