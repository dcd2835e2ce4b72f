"""What is told of findings, and when: a bulletin as a kind of finding begins, changes and ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from edges.watchdog.findings import Finding, Kind, Report, Summary

AGAIN_MS: Final = 60_000
Event: TypeAlias = Literal["began", "changed", "ended"]


class Bulletin(NamedTuple):
    """One message: ``id`` is the same at every attempt to post it."""

    id: str
    body: dict[str, Any]


@dataclass
class _Told:
    since: int
    count: int
    at: int
    number: int = 1


class Bulletins:
    """Compares each report with what was told last. ``name``: the watchdog's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: dict[Kind, _Told] = {}

    def update(self, report: Report, now: int) -> Iterator[tuple[Event, Kind, Bulletin]]:
        """Yield what is to be told now."""
        for kind, listed in report.items():
            told = self._told.get(kind)
            if told is None:
                self._told[kind] = _Told(now, listed.count, now)
                yield "began", kind, self._bulletin("began", kind, listed, now)
            elif told.count != listed.count and now - told.at >= AGAIN_MS:
                told.count, told.at, told.number = listed.count, now, told.number + 1
                yield "changed", kind, self._bulletin("changed", kind, listed, now)
        for kind in [kind for kind in self._told if kind not in report]:
            self._told[kind].number += 1
            yield "ended", kind, self._bulletin("ended", kind, Summary(0, self._told[kind].since, ()), now)
            del self._told[kind]

    def _bulletin(self, event: Event, kind: Kind, listed: Summary, now: int) -> Bulletin:
        told = self._told[kind]
        return Bulletin(
            f"{self._name}-{kind}-{told.since}-{told.number}",
            {
                "type": f"watchdog.{event}",
                "timestamp": _instant(now),
                "data": {
                    "watchdog": self._name,
                    "kind": kind.value,
                    "count": listed.count,
                    "since": _instant(listed.since),
                    "findings": [_finding(finding) for finding in listed.examples],
                },
            },
        )


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "subject": finding.subject,
        "since": _instant(finding.since),
        "partition": finding.partition,
        "site_id": finding.site_id,
        "detail": finding.detail,
        "count": finding.count,
    }


def _instant(ms: int) -> str:
    text = datetime.fromtimestamp(max(ms, 0) / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
