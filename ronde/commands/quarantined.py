"""`ronde quarantined`: whose alerts opened nothing, and why (procedure.md §1, Quarantine), read off the topic."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Final, NamedTuple, get_args

import typer
from rich.table import Table
from rich.text import Text

from ronde.demo.screen import console
from ronde.shared.errors import WrongUse
from ronde.shared.ledger_options import instant
from ronde.shared.plain import plain
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.topic_reading import opened, recorded
from schemas.avro.errors import Undecodable
from schemas.contract.murmur2 import partition
from streams.escalation.names import QuarantineReason
from streams.escalation.values import Quarantined
from streams.formats import rfc3339
from streams.topics.reading import Logs, Span
from streams.topics.recorded import Recorded

_LONGEST_TABLE: Final = 50  # sites; --json lists all


class _Row(NamedTuple):
    """The alerts of one site that were quarantined for one reason; instants in ms since 1970, UTC."""

    site_id: str
    reason: str
    missing: tuple[str, ...]  # of the latest
    kinds: tuple[str, ...]
    alerts: int
    first_at: int
    last_at: int


def quarantined(
    site: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this site.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="REASON", help="Only those of this reason.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only those from then on: RFC 3339, or how long ago (30m, 2h, 7d)."),
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sites whose alerts opened nothing: why, what is missing, how many, since when.

    Nobody was called for these alerts. Zones and texts of alerts are not shown.
    """
    _known(reason)
    begin = None if since is None else instant("--since", since)
    wanted = in_force(settings)
    with opened(wanted, "reading", ["quarantine"], "sink") as (logs, total):
        rows = _rows(_read(logs, recorded(wanted), site, begin, total), reason, begin)
    if as_json:
        typer.echo(json.dumps({"sites": list(map(_as_object, rows)), "counts": _counts(rows)}, indent=2))
    else:
        _print(rows)


def _known(reason: str | None) -> None:

    reasons = get_args(QuarantineReason)
    if reason is not None and reason not in reasons:
        near = get_close_matches(reason.upper(), reasons, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(reasons)}"
        raise WrongUse(f"--reason: there is no {reason!r}; {hint}")


def _read(logs: Logs, recorded: Recorded, site: str | None, begin: int | None, total: Any) -> Iterable[Quarantined]:
    """The records of the topic, or of one site's partition."""
    count = logs.require(["quarantine"])
    key = None if site is None else site.encode()
    numbers = range(count) if key is None else [partition(key, count)]
    wanted = [("quarantine", number) for number in numbers]
    ends = logs.offsets.last_stable(wanted)
    begins = logs.offsets.first(wanted) if begin is None else logs.offsets.at(wanted, begin)
    total(sum(max(0, ends[log] - begins[log]) for log in wanted))
    for log in wanted:
        for record in logs.read(Span(*log, begins[log], ends[log])):
            if key is None or record.key == key:
                try:
                    yield recorded.value(record.topic, record.value or b"")
                except Undecodable:
                    continue  # a stranger's: a worker's always decodes


def _rows(records: Iterable[Quarantined], reason: str | None, begin: int | None) -> list[_Row]:
    """By site and reason, the latest last."""
    rows: dict[tuple[str, str], _Row] = {}
    for record in records:
        if reason not in {None, record.reason} or (begin is not None and record.at < begin):
            continue
        name = record.site_id, record.reason
        known = rows.get(name) or _Row(*name, (), (), 0, record.at, record.at)
        rows[name] = _Row(
            *name,
            missing=record.missing if record.at >= known.last_at else known.missing,
            kinds=tuple(dict.fromkeys((*known.kinds, record.alert.kind))),
            alerts=known.alerts + 1,
            first_at=min(known.first_at, record.at),
            last_at=max(known.last_at, record.at),
        )
    return sorted(rows.values(), key=lambda row: (row.last_at, row.site_id, row.reason))


def _as_object(row: _Row) -> dict[str, Any]:

    at = {name: rfc3339.write(getattr(row, name)) for name in ("first_at", "last_at")}
    return {**row._asdict(), "missing": list(row.missing), "kinds": list(row.kinds), **at}


def _counts(rows: list[_Row]) -> list[dict[str, Any]]:
    """How many sites and alerts of each reason."""
    sites = Counter(row.reason for row in rows)
    alerts = Counter[str]()
    for row in rows:
        alerts[row.reason] += row.alerts
    return [{"reason": reason, "sites": sites[reason], "alerts": alerts[reason]} for reason in sorted(sites)]


def _print(rows: list[_Row]) -> None:

    out = console()
    if not rows:
        out.print("no alert is in quarantine")
        return
    if len(rows) > _LONGEST_TABLE:
        out.print(f"the latest {_LONGEST_TABLE} of {len(rows):,}; --json lists all")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("site", "reason", "alerts", "since", "last"):
        table.add_column(column, overflow="fold", justify="right" if column == "alerts" else "left")
    for row in rows[-_LONGEST_TABLE:]:
        why = "\n  ".join((row.reason, *map(plain, row.missing)))
        table.add_row(Text(plain(row.site_id)), Text(why), f"{row.alerts:,}", _short(row.first_at), _short(row.last_at))
    out.print(table)
    out.print()
    summary = Table("reason", "sites", "alerts", box=None, header_style="bold", pad_edge=False)
    for one in _counts(rows):
        summary.add_row(one["reason"], f"{one['sites']:,}", f"{one['alerts']:,}")
    out.print(summary)


def _short(at: int) -> str:

    return rfc3339.write(at)[:16].replace("T", " ")
