"""Quarantined alerts summed up by site and reason: for people, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from ronde.shared.terminal import Listing, Terminal
from ronde.shared.times import date_and_minute
from service import rfc3339
from streams.escalation.values import Quarantined

_LONGEST_TABLE: Final = 50  # sites; --json lists all


class Row(NamedTuple):
    """The alerts of one site that were quarantined for one reason; instants in ms since 1970, UTC."""

    site_id: str
    reason: str
    missing: tuple[str, ...]  # of the latest
    kinds: tuple[str, ...]
    alerts: int
    first_at: int
    last_at: int


def rows_of(records: Iterable[Quarantined], reason: str | None, begin: int | None) -> list[Row]:
    """By site and reason, the latest last."""
    rows: dict[tuple[str, str], Row] = {}
    for record in records:
        if reason not in {None, record.reason} or (begin is not None and record.at < begin):
            continue
        name = record.site_id, record.reason
        known = rows.get(name) or Row(*name, (), (), 0, record.at, record.at)
        rows[name] = Row(
            *name,
            missing=record.missing if record.at >= known.last_at else known.missing,
            kinds=tuple(dict.fromkeys((*known.kinds, record.alert.kind))),
            alerts=known.alerts + 1,
            first_at=min(known.first_at, record.at),
            last_at=max(known.last_at, record.at),
        )
    return sorted(rows.values(), key=lambda row: (row.last_at, row.site_id, row.reason))


def as_object(row: Row) -> dict[str, Any]:
    """A row for a program, instants as RFC 3339."""
    at = {name: rfc3339.write(getattr(row, name)) for name in ("first_at", "last_at")}
    return {**row._asdict(), "missing": list(row.missing), "kinds": list(row.kinds), **at}


def counts(rows: list[Row]) -> list[dict[str, Any]]:
    """How many sites and alerts of each reason."""
    sites = Counter(row.reason for row in rows)
    alerts = Counter[str]()
    for row in rows:
        alerts[row.reason] += row.alerts
    return [{"reason": reason, "sites": sites[reason], "alerts": alerts[reason]} for reason in sorted(sites)]


def print_rows(rows: list[Row]) -> None:
    """Print the latest rows, then the sum of each reason."""
    out = Terminal()
    if not rows:
        out.print("no alert is in quarantine")
        return
    if len(rows) > _LONGEST_TABLE:
        out.print(f"the latest {_LONGEST_TABLE} of {len(rows):,}; --json lists all")
    table = Listing()
    for column in ("site", "reason", "alerts", "since", "last"):
        table.add_column(column, justify="right" if column == "alerts" else "left")
    for row in rows[-_LONGEST_TABLE:]:
        why = "\n  ".join((row.reason, *row.missing))
        table.add_row(row.site_id, why, f"{row.alerts:,}", date_and_minute(row.first_at), date_and_minute(row.last_at))
    out.print(table)
    out.print()
    summary = Listing("reason", "sites", "alerts")
    for count in counts(rows):
        summary.add_row(count["reason"], f"{count['sites']:,}", f"{count['alerts']:,}")
    out.print(summary)
