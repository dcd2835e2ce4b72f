"""The time from an alert to its call command, at a steady rate (docs/performance.md).

From just before the alert is handed to its producer, to the moment when a reader of committed records has the call
command: two ways through the broker, a transaction, and the contender's own work between.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from benchmarks import pace
from benchmarks.arrivals import Arrivals, waits
from benchmarks.contenders import Contender
from benchmarks.figures import milliseconds
from benchmarks.logs import Logs
from benchmarks.pace import A_SITE, AlertTag, Stream
from benchmarks.run import Run, run
from benchmarks.wires import Wire

PROBES: Final = Stream("probe", 1, 600)  # one now and then, until the first decision comes back
READY_SECONDS: Final = 90.0
WARM_SECONDS: Final = 4
PATIENCE: Final = 12.0


def latency(logs: Logs, contender: Contender, rates: Sequence[int], seconds: int) -> dict[str, Any]:
    """One start, all rates one after the other, each warmed up; the figures."""
    warm = {rate: Stream(f"w{rate}", rate) for rate in rates}
    measured = {rate: Stream(f"m{rate}", rate) for rate in rates}
    site_ids = PROBES.site_ids(1)
    for rate in rates:
        site_ids += warm[rate].site_ids(WARM_SECONDS) + measured[rate].site_ids(seconds)
    with run(logs, contender, site_ids) as made:
        made.start()
        arrivals = Arrivals(logs.address, made.topics.calls, made.topics.decisions)
        try:
            wait_ready(made, arrivals)
            figures = {}
            for rate in rates:
                at_pace(made, arrivals, [warm[rate]], WARM_SECONDS)
                cpu, begun = made.cpu_seconds(), time.time()
                at_pace(made, arrivals, [measured[rate]], seconds)
                cores = (made.cpu_seconds() - cpu) / (time.time() - begun)
                figures[str(rate)] = {**_figures(made, arrivals, measured[rate], seconds), "cores": round(cores, 3)}
        finally:
            arrivals.close()
        missing, doubled = (sum(figure[name] for figure in figures.values()) for name in ("missing", "doubled"))
        counts = not missing and not (doubled and contender.is_exact)
        return {"counts": counts, "rates": figures, "peak_mib": round(made.peak_mib), "is_alive": made.tree.is_alive}


def wait_ready(made: Run, arrivals: Arrivals) -> None:
    """Return when the first decision has come back."""
    give_up = time.monotonic() + READY_SECONDS
    number = 0
    while not arrivals.count(made.topics.decisions):
        if time.monotonic() > give_up or not made.tree.is_alive:
            raise TimeoutError(f"{made.contender.name} decided nothing; its log is {made.tree.log}")
        made.logs.write(made.topics.alerts, [pace.alert(made.contender.wire, PROBES, number)])
        arrivals.pump(0.2)
        number += 1


def at_pace(made: Run, arrivals: Arrivals, streams: Sequence[Stream], seconds: int) -> None:
    """Send at these rates, and take outputs until all alerts are decided, or no more come."""
    so_far = arrivals.count(made.topics.decisions)
    sender = pace.start(made.logs.address, made.topics.alerts, made.contender.wire, streams, seconds)
    while sender.poll() is None:
        arrivals.pump(0.05)
    wanted = so_far + pace.total(streams, seconds)
    arrivals.pump_until(lambda: arrivals.count(made.topics.decisions) >= wanted, PATIENCE)
    arrivals.pump(0.2)  # the calls of the last ones; and what comes twice


def _figures(made: Run, arrivals: Arrivals, stream: Stream, seconds: int) -> dict[str, Any]:
    sent, decided, doubled = decisions_of(arrivals, made.topics.decisions, made.contender.wire, stream.tag)
    opened = {stream.site_id(number): at for number, at in sent.items() if number % A_SITE == 0}
    called: dict[str, int] = {}
    for site, at in arrivals.of(made.topics.calls, made.contender.wire.called):
        if site.startswith(f"{stream.tag}-"):
            doubled += site in called
            called.setdefault(site, at)
    sites = len(stream.site_ids(seconds))
    return {
        "calls": milliseconds(waits(opened, called)),
        "decisions": milliseconds(waits(sent, decided)),
        "missing": stream.rate * seconds - len(decided) + sites - len(called),
        "doubled": doubled,
    }


def decisions_of(arrivals: Arrivals, topic: str, wire: Wire, tag: str) -> tuple[dict[int, int], dict[int, int], int]:
    """Of a stream's alerts that were decided: when each was sent and decided (µs, by number); how many came again."""
    sent: dict[int, int] = {}
    decided: dict[int, int] = {}
    doubled = 0
    for decision, at in arrivals.of(topic, wire.decided):
        if not decision.alert_id.startswith(f"{tag}."):
            continue
        alert = AlertTag.of(decision.alert_id)
        doubled += alert.number in decided
        sent[alert.number] = alert.at
        decided.setdefault(alert.number, at)
    return sent, decided, doubled
