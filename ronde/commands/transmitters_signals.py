"""`ronde transmitters signals`: what became of the frames that came lately, read off the topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import nlargest
from typing import Annotated, Final

import typer

from edges.kafka.framing import Framing
from edges.values import Signal
from ronde.shared.errors import WrongUse
from ronde.shared.ledger_options import PersonalOption
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.suggestions import suggestion
from ronde.shared.terminal import print_value, say
from ronde.shared.times import past_instant
from ronde.shared.topic_reading import Total, opened, records
from ronde.views.signals import as_object, print_signal
from schemas.avro.errors import Undecodable
from streams.kafka.reading import Logs

_ROLE: Final = "receiver"
_OUTCOMES: Final = ("ALERT", "SIGNAL", "REPEATED", "UNKNOWN_ACCOUNT", "REFUSED")


def signals(
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", show_default=False, help="Only those of this account.")
    ] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTCOME", help=f"Only those with this outcome; repeatable. {', '.join(_OUTCOMES)}."),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From then on: RFC 3339, or how long ago (30m, 2h, 7d).")
    ] = "1h",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="At most so many, the latest.")] = 50,
    personal: PersonalOption = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the signals that came lately, and what became of each: why a frame was refused, which account is unknown.

    Frames that get no answer, a NAK, or are link tests leave no signal: the receiver's metrics count them.
    """
    outcomes = frozenset(_known(name) for name in outcome or ())
    begin = past_instant("--since", since)
    effective = in_force(settings)
    name = None if account is None else account.upper()
    framing = Framing(effective.for_edge(_ROLE, "cli", effective.receiver.data_dir))
    found = 0

    def matching(read: Iterable[Signal]) -> Iterator[Signal]:
        nonlocal found
        for signal in read:
            is_matching = signal.received_at >= begin and name in {None, signal.account}
            if is_matching and (not outcomes or signal.outcome in outcomes):
                found += 1
                yield signal

    with opened(effective, "reading the signals", ["signals"], _ROLE) as (logs, total):
        read = _read(logs, framing.reader("signals"), begin, total)
        latest = nlargest(limit, matching(read), key=lambda signal: signal.received_at)[::-1]
    framing.close()
    shown = [as_object(signal, personal=personal) for signal in latest]
    if as_json:
        print_value({"signals": shown, "more": found - len(shown)})
        return
    for one in shown:
        print_signal(one)
    if not shown:
        say(f"no such signals since {since}")
    if found > limit:
        say(f"the latest {limit}; there are {found - limit:,} more (--limit)")


def _known(outcome: str) -> str:
    if outcome.upper() not in _OUTCOMES:
        raise WrongUse(f"--outcome: there is no {outcome!r}; {suggestion(outcome.upper(), _OUTCOMES)}")
    return outcome.upper()


def _read(logs: Logs, decode: Callable[[bytes], Signal], begin: int, total: Total) -> Iterator[Signal]:
    """Yield the records of the topic from an instant on, a partition after the other."""
    for record in records(logs, "signals", since=begin, total=total):
        try:
            yield decode(record.value or b"")
        except Undecodable:
            continue  # of another program: a receiver's always decodes
