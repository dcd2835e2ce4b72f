"""Bulletins of findings: one as a kind of finding begins, changes and ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from edges.watchdog.findings import Finding, Kind, Report, Summary
from service import rfc3339

AGAIN_MS: Final = 60_000
Event: TypeAlias = Literal["began", "changed", "ended"]


class Bulletin(NamedTuple):
    """One message: ``id`` is the same at every attempt to post it."""

    id: str
    body: dict[str, Any]

    @property
    def log_values(self) -> dict[str, Any]:
        """What a line of the log has of it: of the findings, the oldest."""
        data = self.body["data"]
        oldest: dict[str, Any] = next(iter(data["findings"]), {})
        place = {"subject": oldest.get("subject"), "site": oldest.get("site_id"), "detail": oldest.get("detail")}
        return {name: data[name] for name in ("kind", "count", "since")} | {
            name: value for name, value in place.items() if value
        }


@dataclass
class _Reported:
    since: int
    listed: Summary
    at: int
    number: int = 1


class Bulletins:
    """Compares each report with the last bulletins. ``name``: the watchdog's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._reported: dict[Kind, _Reported] = {}

    def update(self, report: Report, now: int) -> Iterator[tuple[Event, Kind, Bulletin]]:
        """Yield the bulletins that are due."""
        for kind, listed in report.items():
            reported = self._reported.get(kind)
            if reported is None:
                self._reported[kind] = _Reported(now, listed, now)
                yield "began", kind, self._bulletin("began", kind, listed, now)
            elif _differs(listed, reported.listed) and abs(now - reported.at) >= AGAIN_MS:
                reported.listed, reported.at, reported.number = listed, now, reported.number + 1
                yield "changed", kind, self._bulletin("changed", kind, listed, now)
        for kind in [kind for kind in self._reported if kind not in report]:
            self._reported[kind].number += 1
            yield "ended", kind, self._bulletin("ended", kind, Summary(0, self._reported[kind].since, ()), now)
            del self._reported[kind]

    def _bulletin(self, event: Event, kind: Kind, listed: Summary, now: int) -> Bulletin:
        reported = self._reported[kind]
        return Bulletin(
            f"{self._name}-{kind}-{reported.since}-{reported.number}",
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


def _differs(listed: Summary, reported: Summary) -> bool:
    """Whether there is something to say: as many findings may be others."""
    return listed.count != reported.count or _subjects(listed) != _subjects(reported)


def _subjects(listed: Summary) -> set[str]:
    return {finding.subject for finding in listed.examples}


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
    return rfc3339.write(max(ms, 0))
