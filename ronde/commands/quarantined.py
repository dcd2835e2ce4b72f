"""`ronde quarantined`: whose alerts opened nothing, and why (procedure.md §1, Quarantine), read off the topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, get_args

import typer

from ronde.shared.errors import WrongUse
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.suggestions import suggestion
from ronde.shared.terminal import print_value
from ronde.shared.times import past_instant
from ronde.shared.topic_reading import opened, recorded
from ronde.views.quarantined import as_object, counts, print_rows, rows_of
from schemas.contract.murmur2 import partition
from streams.escalation.names import QuarantineReason
from streams.escalation.values import Quarantined
from streams.formats.topic_values import TopicValues
from streams.kafka.reading import Logs, Span


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
    begin = None if since is None else past_instant("--since", since)
    effective = in_force(settings)
    with opened(effective, "reading", ["quarantine"], "sink") as (logs, total):
        rows = rows_of(_read(logs, recorded(effective), site, begin, total), reason, begin)
    if as_json:
        print_value({"sites": list(map(as_object, rows)), "counts": counts(rows)})
    else:
        print_rows(rows)


def _known(reason: str | None) -> None:
    reasons = get_args(QuarantineReason)
    if reason is not None and reason not in reasons:
        raise WrongUse(f"--reason: there is no {reason!r}; {suggestion(reason.upper(), reasons)}")


def _read(logs: Logs, recorded: TopicValues, site: str | None, begin: int | None, total: Any) -> Iterable[Quarantined]:
    """Yield the records of the topic, or of one site's partition."""
    count = logs.require(["quarantine"])
    key = None if site is None else site.encode()
    numbers = range(count) if key is None else [partition(key, count)]
    partitions = [("quarantine", number) for number in numbers]
    ends = logs.offsets.last_stable(partitions)
    begins = logs.offsets.first(partitions) if begin is None else logs.offsets.at(partitions, begin)
    total(sum(max(0, ends[log] - begins[log]) for log in partitions))
    for log in partitions:
        for record in logs.read(Span(*log, begins[log], ends[log])):
            if key is None or record.key == key:
                value = recorded.or_none(record.topic, record.value)
                if value is not None:  # None: of another program, a worker's always decodes
                    yield value
