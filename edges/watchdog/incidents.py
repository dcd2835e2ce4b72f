"""Open incidents by their decisions: deadlines that passed, versions that are missing."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final, NamedTuple

from edges.values import Decision
from edges.watchdog.findings import Finding

GAP_SHOWN_MS: Final = 3600 * 1000
_MOST_GAPS: Final = 1000
_FAILED_KEPT_MS: Final = 24 * 3600 * 1000
_SPARE: Final = 1000  # outdated entries that the heap may have


class _Open(NamedTuple):
    """An open incident; ``due`` is when its next decision is due, ``first…`` what was read of it first."""

    site_id: str
    version: int
    due: int
    rule: str
    first_at: int
    first_version: int


class Incidents:
    """The open incidents of one partition."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._open: dict[str, _Open] = {}
        self._heap: list[tuple[int, str, int]] = []  # due, incident, version
        self._late: set[str] = set()
        self._gaps: dict[str, Finding] = {}
        self._failed: dict[str, int] = {}  # sites that were set aside, and when

    @property
    def kept(self) -> int:
        """How much is remembered."""
        return len(self._open) + len(self._gaps) + len(self._failed)

    @property
    def count(self) -> int:
        """How many incidents are open."""
        return len(self._open)

    def decision(self, decision: Decision, now: int) -> None:
        """Take a decision; those of an incident come in their order."""
        incident = decision.incident_id
        if incident is None:
            return
        known = self._open.get(incident)
        if known is not None and decision.version <= known.version:
            return  # the log is read again
        if known is not None and decision.version != known.version + 1:
            self._miss(incident, decision, known.version, now)
        self._late.discard(incident)
        if decision.phase_to == "CLOSED" or decision.deadline is None:
            self._open.pop(incident, None)
            return
        due = max(decision.deadline, decision.at)
        self._open[incident] = _Open(
            decision.site_id,
            decision.version,
            due,
            decision.rule,
            decision.at if known is None else known.first_at,
            decision.version if known is None else known.first_version,
        )
        failed = self._failed.get(decision.site_id)
        if failed is not None and _was_open(self._open[incident], failed):
            del self._open[incident]
            return
        heapq.heappush(self._heap, (due, incident, decision.version))

    def failed(self, site_id: str, at: int) -> None:
        """Take an attention `FAILED` without an incident: the site's open incidents have ended."""
        self._failed[site_id] = max(at, self._failed.get(site_id, at))
        for incident in [name for name, known in self._open.items() if known.site_id == site_id]:
            if _was_open(self._open[incident], at):
                del self._open[incident]
                self._late.discard(incident)

    def judge(self, now: int, limit: int) -> None:
        """Call late what was due so long ago."""
        while self._heap and self._heap[0][0] + limit <= now:
            _, incident, version = heapq.heappop(self._heap)
            known = self._open.get(incident)
            if known is not None and known.version == version:
                self._late.add(incident)
        if len(self._heap) > 2 * len(self._open) + _SPARE:
            self._heap = [
                (known.due, incident, known.version)
                for incident, known in self._open.items()
                if incident not in self._late
            ]
            heapq.heapify(self._heap)
        for name in [name for name, gap in self._gaps.items() if gap.since < now - GAP_SHOWN_MS]:
            del self._gaps[name]
        for site_id in [site_id for site_id, at in self._failed.items() if at < now - _FAILED_KEPT_MS]:
            del self._failed[site_id]

    def late(self) -> Iterator[Finding]:
        """The incidents whose deadline has passed."""
        for incident in self._late:
            known = self._open[incident]
            yield Finding(incident, known.due, self._partition, known.site_id, f"after {known.rule}")

    def gaps(self) -> Iterator[Finding]:
        """The incidents that lack a decision."""
        yield from self._gaps.values()

    def _miss(self, incident: str, decision: Decision, before: int, now: int) -> None:
        if len(self._gaps) < _MOST_GAPS:
            self._gaps[incident] = Finding(
                incident,
                now,
                self._partition,
                decision.site_id,
                f"version {before + 1} is missing",
                decision.version - before - 1,
            )


def _was_open(known: _Open, failed_at: int) -> bool:
    """Whether an incident was open when its site was set aside.

    An input of the same instant comes after it, so what that opens (version 1) goes on.
    """
    return known.first_at < failed_at or (known.first_at == failed_at and known.first_version > 1)
