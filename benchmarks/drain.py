"""The rate of a backlog: all alerts are in the topic when the contender starts (docs/performance.md).

The time is from the first decision made to the moment when readers could see the last one; nobody reads
meanwhile. The CPU is that of all its processes from their start to that moment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from benchmarks.contenders import Contender
from benchmarks.evidence import Verdict, judge
from benchmarks.logs import Logs
from benchmarks.run import Look, Run, run
from benchmarks.wires import Wire

STARTED_MS: Final = 1_767_225_600_000
SETTLED_SECONDS: Final = 0.7  # nothing moves for so long: it may be done
SILENT_SECONDS: Final = 8.0  # nor for so long: nothing more will come
LATE_SECONDS: Final = 1.0  # what comes twice may come late


class Load(NamedTuple):
    """The input: so many alerts, dealt in turn to so many sites."""

    alerts: int
    sites: int

    def part(self, share: float) -> Load:
        """A smaller one of the same kind."""
        return Load(int(self.alerts * share), int(self.sites * share))

    def site_ids(self) -> list[str]:
        """The sites."""
        return [f"site-{number:06d}" for number in range(self.sites)]

    def records(self, wire: Wire) -> Iterator[tuple[bytes, bytes]]:
        """The alerts: key and value."""
        for number in range(self.alerts):
            site = f"site-{number % self.sites:06d}"
            yield site.encode(), wire.alert(_alert_id(number), site, STARTED_MS + number)

    def alert_ids(self) -> set[str]:
        """Their ids."""
        return {_alert_id(number) for number in range(self.alerts)}


def _alert_id(number: int) -> str:
    return f"a{number:08d}"


class DrainResult(NamedTuple):
    """The verdict, the time of the first decision, and the first reading that includes the last one."""

    verdict: Verdict
    first_at: float
    last: Look | None


def drain(logs: Logs, contender: Contender, whole: Load, patience: float, seconds: float) -> dict[str, Any]:
    """Run once and return the figures. It ends after ``patience`` seconds without progress, or ``seconds`` in all."""
    load = whole.part(contender.share)
    with run(logs, contender, load.site_ids()) as made:
        logs.write(made.topics.alerts, load.records(contender.wire))
        started = made.start()
        found = finish(made, load, patience, seconds)
        return {"load": load._asdict(), **figures(made, load, started, found)}


def finish(made: Run, load: Load, patience: float, seconds: float) -> DrainResult:
    """Wait until all outputs are there or no more come; then check that each is there once."""
    found: DrainResult | None = None
    while made.follow(lambda count, still: count >= load.alerts and still > SETTLED_SECONDS, patience, seconds):
        before, found = found, look(made, load)
        if found.verdict.is_complete or (before is not None and before.verdict == found.verdict):
            break
        made.follow(lambda _, still: still > SILENT_SECONDS, patience, seconds)
    time.sleep(LATE_SECONDS)
    return look(made, load)


def look(made: Run, load: Load) -> DrainResult:
    """Read all outputs."""
    wire = made.contender.wire
    decisions = made.logs.read(made.topics.decisions, wire.decided)
    calls = made.logs.read(made.topics.calls, wire.called)
    verdict = judge(decisions.values, calls.values, load.alert_ids(), set(load.site_ids()))
    first_at = min((decision.at for decision in decisions.values), default=0) / 1000
    ends = decisions.ends.items()
    last = next((look for look in made.looks if all(look.ends[number] >= end for number, end in ends)), None)
    return DrainResult(verdict, first_at, last)


def figures(made: Run, load: Load, started: float, found: DrainResult) -> dict[str, Any]:
    """Return the figures of a run; without a rate if it did not finish."""
    row: dict[str, Any] = {
        "verdict": found.verdict._asdict(),
        "counts": found.verdict.is_exact or (found.verdict.is_complete and not made.contender.is_exact),
        "is_alive": made.tree.is_alive,
        "peak_mib": round(made.peak_mib),
    }
    if found.last is not None and found.first_at:
        took = found.last.at - found.first_at
        row |= {
            "rate": load.alerts / took,
            "seconds": took,
            "start_seconds": found.first_at - started,
            "cpu_seconds": found.last.cpu,
            "per_cpu_second": load.alerts / found.last.cpu,
        }
    return row
