"""`ronde quarantined`: whose alerts opened nothing, and why (procedure.md §1, Quarantine), read off the topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, get_args

import typer

from ronde.shared.errors import WrongUse
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.suggestions import suggestion
from ronde.shared.terminal import print_value
from ronde.shared.times import past_instant
from ronde.shared.topic_reading import Total, opened, recorded, records
from ronde.views.quarantined import as_object, counts, print_rows, rows_of
from streams.escalation.names import QuarantineReason
from streams.escalation.values import Quarantined
from streams.formats.topic_values import TopicValues
from streams.kafka.reading import Logs


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


def _read(
    logs: Logs, recorded: TopicValues, site: str | None, begin: int | None, total: Total
) -> Iterable[Quarantined]:
    """Yield the records of the topic, or of one site."""
    for record in records(logs, "quarantine", key=site, since=begin, total=total):
        value = recorded.or_none(record.topic, record.value)
        if value is not None:  # None: of another program, a worker's always decodes
            yield value
