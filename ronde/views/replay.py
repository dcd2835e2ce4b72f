"""The result of a replay: for people, and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from rich.text import Text

from ronde.shared.plain import one_line
from ronde.shared.terminal import Listing, Terminal
from ronde.shared.times import date_and_time
from schemas.contract.topics import TOPICS
from streams.escalation.values import Decision
from streams.formats.redaction import HIDDEN, is_personal
from streams.replay.comparison import Difference
from streams.replay.history import ReplayResult
from streams.replay.verdict import Unchecked

_LONGEST_TABLE: Final = 200  # decisions; --json has all differences

_COLUMNS: Final = ("at", "version", "rule", "phase", "commands", "replayed")

_WORDS: Final = {
    "FIELD": "a field differs",
    "BYTES": "the bytes differ, although every field is the same",
    "KEY": "the record's key is not its site",
    "TIMESTAMP": "the record's timestamp is not its time",
    "UNDECODABLE": "the record does not decode",
    "MISSING": "the core gives this record, and the log does not have it",
    "UNEXPECTED": "the log has this record, and the core does not give it",
    "TWICE": "it is there twice",
    "OUT_OF_ORDER": "it lies before a record that was decided earlier",
    "NO_INPUT": "the input it names is not in its topic",
    "REFUSED": "the input it names should be a dead letter",
    "NO_SITE_RECORD": "the site record it names could not come into force",
    "REPLACED": "the site record it names had been replaced",
    "NOT_ARMED": "a deadline fired that the core has not armed",
    "EARLY": "a deadline fired before its time",
    "BACK_IN_TIME": "it was decided before the decision before it",
    "RAISED": "the core raises",
}


def print_replayed(replayed: ReplayResult, incident: str | None, *, personal: bool) -> None:
    """Print each decision and whether it was decided the same, the sums, and the first difference."""
    verdict = replayed.verdict
    decisions = [decision for decision in replayed.decisions if incident in {None, decision.incident_id}]
    console = Terminal()
    differing = {difference.decision_id for difference in verdict.differences}
    unchecked = {skipped.decision_id: skipped for skipped in verdict.unchecked}
    if len(decisions) <= _LONGEST_TABLE:
        for incident_id in dict.fromkeys(decision.incident_id for decision in decisions):
            table = Listing(*_COLUMNS, title=f"incident {incident_id}" if incident_id else "without an incident")
            for decision in decisions:
                if decision.incident_id == incident_id:
                    table.add_row(*_row(decision), _state(decision.decision_id, differing, unchecked))
            console.print(table)
    for reason, count in Counter(skipped.reason for skipped in verdict.unchecked).items():
        console.print(f"{count:,} not replayed: {reason}")
    console.print(
        f"{verdict.decisions:,} decisions, {verdict.commands:,} commands and {verdict.quarantined:,} quarantine "
        f"records replayed: {'all the same' if not verdict.differences else f'{len(verdict.differences):,} differ'}"
    )
    for difference in verdict.differences[:1]:
        console.print(f"the first that differs: {_place(difference)}: {_WORDS[difference.what]}", style="red")
        for field, here, there in _fields(verdict.differences, difference, personal=personal):
            console.print("  " + one_line(f"{field}: the log has {here}, the core gives {there}"))


def _row(decision: Decision) -> tuple[str, str, str, str, str]:
    at = date_and_time(decision.at)
    return at, str(decision.version or "-"), decision.rule, decision.phase_to or "-", str(len(decision.outputs))


def _state(decision_id: str, differing: set[str | None], unchecked: dict[str | None, Unchecked]) -> Text:
    if decision_id in differing:
        return Text("differs", style="bold red")
    return Text("not replayed", style="yellow") if decision_id in unchecked else Text("same", style="green")


def _place(difference: Difference) -> str:
    offset = "" if difference.offset is None else f"-{difference.offset}"
    return one_line(f"{difference.topic}-{difference.partition}{offset} {difference.record_id}")


def _fields(differences: list[Difference], first: Difference, *, personal: bool) -> list[tuple[str, str, str]]:
    """Each field in which the first differing record differs, with its value in the log and the core's."""
    return [
        (
            difference.field,
            _shown(difference, difference.recorded, personal=personal),
            _shown(difference, difference.replayed, personal=personal),
        )
        for difference in differences
        if difference.field is not None and difference.place == first.place
    ]


def _shown(difference: Difference, value: object, *, personal: bool) -> str:
    """A value, unless it is personal."""
    if value is None:
        return "nothing"
    schema = TOPICS[difference.topic].schema
    if difference.what != "FIELD" or personal or schema is None or difference.field is None:
        return str(value)
    return HIDDEN if is_personal(schema, difference.field) else str(value)


def summary(differences: list[Difference]) -> str:
    """How many differences there are, and the first."""
    count = len(differences)
    first = differences[0]
    return (
        f"{count:,} {'thing differs' if count == 1 else 'things differ'}, first {_place(first)}: {_WORDS[first.what]}. "
        "Was it decided by another release, or under other settings of the same version?"
    )


def as_object(site_id: str | None, replayed: ReplayResult, *, personal: bool) -> dict[str, Any]:
    """The verdict for a program."""
    verdict = replayed.verdict
    return {
        "site_id": site_id,
        "decisions": verdict.decisions,
        "commands": verdict.commands,
        "quarantined": verdict.quarantined,
        "differences": [
            {
                **difference._asdict(),
                "recorded": _shown(difference, difference.recorded, personal=personal) if difference.field else None,
                "replayed": _shown(difference, difference.replayed, personal=personal) if difference.field else None,
            }
            for difference in verdict.differences
        ],
        "unchecked": [skipped._asdict() for skipped in verdict.unchecked],
    }
