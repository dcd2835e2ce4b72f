"""`ronde dlq replay` and `ronde dlq discard`: put dead letters back, or note that they are never put back."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated, Final

import typer

from ronde.shared.dlq_options import ids_of, selects_letters
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.settings import JsonOption, SettingsOption, in_force, require_transactions
from ronde.shared.terminal import print_value, say
from ronde.shared.topic_reading import opened
from streams.dlq.fenced_producer import FencedError
from streams.dlq.log import survey
from streams.dlq.settlement import Outcome, Settlement, SettlementResult
from streams.kafka.dead_letters import LetterFilter, LetterId
from streams.kafka.offsets import ReadingError
from streams.settings import Settings

_LONGEST_LIST: Final = 50  # letters; --json lists all

_LONGEST_NOTE: Final = 1000  # characters of a header

_DONE: Final = frozenset({"replayed", "discarded"})

WORDS: Final = {
    "not there": "is not there: it never was, or the topic's retention deleted it",
    "state": "was a state record; only inputs are put back. Its site goes on without that state",
    "cut": "was too large to be kept whole: send it again at its source, then discard it",
    "superseded": "is of a site that has a later record, or one that may be later, which it would replace: if it is "
    "the latest all the same, put it back alone, or send it again at its source and discard it",
    "too large": "does not fit its topic with the mark of being put back: send it again at its source, then discard it",
    "note too large": "has so long a key that its note does not fit: say --why and --who in fewer words",
    "already replayed": "was put back before",
    "already discarded": "was discarded before",
}


@selects_letters
def replay(
    selected: LetterFilter,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", show_default=False)] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before letters that were not named are put back.")
    ] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put dead letters back on their topics: those named, or all open ones that the options ask for.

    Each is put back once, with its key, its value and its headers, marked `dlq.replayed-from`. If it fails again, that
    is a new dead letter.
    """
    named = ids_of(ids or [])
    if bool(named) == (selected != LetterFilter()):
        raise WrongUse("name the dead letters to put back, or say which: --reason, --since, --until, --site, --topic")
    effective = in_force(settings)
    require_transactions(effective)
    names = named
    if not named:
        with opened(effective, "reading") as (logs, _):
            found = survey(logs, selected)
        names = [name for name in found.letters if name not in found.notes]
        _ask(len(names), yes=yes)
    settled = _settle(effective, names, lambda settlement: settlement.replay(names))
    _report(settled, as_json=as_json)
    _fail_on(settled, named, "already replayed")


def discard(
    ids: Annotated[list[str], typer.Argument(metavar="ID", show_default=False)],
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why nobody needs it. Kept with the note.")],
    who: Annotated[str, typer.Option(metavar="NAME", help="Who says so. Kept with the note.")],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that dead letters are never put back, with who says so and why. They stay until the topic's retention."""
    named = ids_of(ids)
    for option, text in (("--why", why), ("--who", who)):
        if not text.strip() or len(text) > _LONGEST_NOTE:
            raise WrongUse(f"{option} is empty or longer than {_LONGEST_NOTE} characters")
    effective = in_force(settings)
    require_transactions(effective)
    settled = _settle(effective, named, lambda settlement: settlement.discard(named, why=why, who=who))
    _report(settled, as_json=as_json)
    _fail_on(settled, named, "already discarded")


def _ask(count: int, *, yes: bool) -> None:
    """Ask for confirmation of letters that were not named."""
    if yes or not count:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise WrongUse(f"{count:,} dead letters would be put back: say --yes")
    if not typer.confirm(f"Put {count:,} dead letters back on their topics?", err=True):
        raise Failed("nothing was put back")


def _settle(
    settings: Settings, names: list[LetterId], settle: Callable[[Settlement], Iterator[SettlementResult]]
) -> list[SettlementResult]:
    """Settle letters; if it ends early, report how many were settled."""
    settled: list[SettlementResult] = []
    if not names:
        return settled
    with opened(settings, "reading") as (logs, _):
        try:
            for one in settle(Settlement(logs)):
                settled.append(one)  # noqa: PERF402 - it may end in the middle
        except (FencedError, ReadingError) as error:
            done = sum(one.outcome in _DONE for one in settled)
            raise Failed(f"{error} ({done:,} of {len(names):,} dead letters were settled)") from None
    return settled


def _report(settled: list[SettlementResult], *, as_json: bool) -> None:
    if as_json:
        outcomes = [{"id": str(one.id), "outcome": one.outcome, "place": one.place} for one in settled]
        print_value({"settled": outcomes})
        return
    for one in settled[:_LONGEST_LIST]:
        if one.outcome in _DONE:
            say(f"{one.id} {one.outcome}{f' to {one.place}' if one.place else ''}")
        else:
            say(f"{one.id} {WORDS[one.outcome]}")
    if len(settled) > _LONGEST_LIST:
        say(f"and {len(settled) - _LONGEST_LIST:,} more; --json lists all")
    counts = Counter(one.outcome for one in settled)
    say(", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()) or "no dead letter is asked for")


def _fail_on(settled: list[SettlementResult], named: list[LetterId], fine: Outcome) -> None:
    """Fail if a named letter was not settled as requested."""
    if not named:
        return
    other = [one for one in settled if one.outcome not in _DONE and one.outcome != fine]
    if other:
        raise Failed(f"{len(other):,} of {len(settled):,} dead letters named stay as they were: see above")
