"""Check a contender's work: every alert decided once, every site called once, no version skipped.

A figure counts only if this holds; one of a contender that promises less is shown with what it lost or doubled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple


class Decided(NamedTuple):
    """A decision on the topic: its alert, its incident, its version, its time (ms)."""

    alert_id: str
    incident_id: str
    version: int
    at: int


class Verdict(NamedTuple):
    """What is missing, what is there more than once, and incidents whose versions are not 1, 2, 3 and so on."""

    decisions: int
    decisions_missing: int
    decisions_doubled: int
    calls: int
    calls_missing: int
    calls_doubled: int
    incidents_broken: int
    strangers: int  # decisions and calls without an input

    @property
    def is_complete(self) -> bool:
        """Nothing is missing (what is doubled stays doubled, so waiting does not help there)."""
        return not self.decisions_missing and not self.calls_missing

    @property
    def is_exact(self) -> bool:
        """Each is there, once."""
        wrong = (self.decisions_doubled, self.calls_doubled, self.incidents_broken, self.strangers)
        return self.is_complete and not any(wrong)


def judge(decisions: Iterable[Decided], called: Iterable[str], alert_ids: set[str], site_ids: set[str]) -> Verdict:
    """``called`` has the site of each call; each of ``alert_ids`` has one decision, each of ``site_ids`` one call."""
    decided: Counter[str] = Counter()
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for decision in decisions:
        decided[decision.alert_id] += 1
        versions[decision.incident_id].append(decision.version)
    calls = Counter(called)
    return Verdict(
        decisions=decided.total(),
        decisions_missing=len(alert_ids - decided.keys()),
        decisions_doubled=decided.total() - len(decided),
        calls=calls.total(),
        calls_missing=len(site_ids - calls.keys()),
        calls_doubled=calls.total() - len(calls),
        incidents_broken=sum(sorted(found) != list(range(1, len(found) + 1)) for found in versions.values()),
        strangers=len(decided.keys() - alert_ids) + len(calls.keys() - site_ids),
    )
