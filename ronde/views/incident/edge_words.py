"""What the edges recorded of an incident in words, a line each: signals, who took what, what happened at desks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from ronde.shared.plain import joined, one_line
from ronde.shared.times import span
from sinks.ask.edge_records import DeskEvent, Signal, Take
from sinks.ask.timeline import Attention, Call, Dispatch, Step, Timeline

EdgeRecord: TypeAlias = Signal | Take | DeskEvent
Subjects: TypeAlias = dict[str, str]
"""What commands and attentions are called, by their ids."""

SET_ASIDE: Final = "the engine sets the site aside: the incident ends here, without a decision"
_MADE_OF_IT: Final = {
    "SIGNAL": None,
    "REPEATED": "a copy of one before",
    "UNKNOWN_ACCOUNT": "of an unknown account",
    "REFUSED": "refused",
}
_EVENTS: Final = {
    "VIEWED": "looks at",
    "WORD_TRIED": "tries a word for",
    "CALL_PLACED": "places",
    "ATTENTION_SEEN": "has seen",
    "NOTE": "notes on",
}


def entries(timeline: Timeline) -> Iterator[tuple[int, Step | str]]:
    """The decisions, and the other records in words, by their time; a record before the decision of the same time.

    That its site was set aside comes after them.
    """
    subjects = _subjects(timeline)
    records: list[EdgeRecord] = [*timeline.signals, *timeline.takes, *timeline.desk_events]
    lines: list[tuple[int, Step | str]] = [(record.at, line(record, subjects)) for record in records]
    lines += [(step.at, step) for step in timeline.steps]
    if timeline.incident.set_aside_at is not None:
        lines.append((timeline.incident.set_aside_at, SET_ASIDE))
    yield from sorted(lines, key=lambda entry: entry[0])


def line(record: EdgeRecord, subjects: Subjects) -> str:
    """A record in a line."""
    return one_line(_words(record, subjects))


def _words(record: EdgeRecord, subjects: Subjects) -> str:
    match record:
        case Signal() as signal:
            return _signal(signal)
        case Take() as take:
            return _take(take, subjects)
        case DeskEvent() as event:
            return _desk_event(event, subjects)


def _signal(signal: Signal) -> str:
    meaning = signal.meaning if signal.qualifier in {None, "NEW"} else f"{signal.meaning} {signal.qualifier}"
    return joined(
        f"signal {meaning}",
        signal.zone and f"zone {signal.zone}",
        signal.user and f"user {signal.user}",
        signal.text,
        f"alert {signal.alert_id}" if signal.outcome == "ALERT" else _MADE_OF_IT.get(signal.outcome, signal.outcome),
        signal.reason,
        not signal.authenticated and "not authenticated",
    )


def _take(take: Take, subjects: Subjects) -> str:
    who = f"robot {take.by}" if take.who == "ROBOT" else take.by
    verb = "takes over" if take.action == "TAKE_OVER" else "takes"
    after = None if take.after_ms is None else f"after {span(take.after_ms)}"
    return joined(f"{who} {verb} {subjects.get(take.subject, take.subject)}", after)


def _desk_event(event: DeskEvent, subjects: Subjects) -> str:
    subject = "the incident" if event.subject is None else subjects.get(event.subject, event.subject)
    if event.action == "UNDELIVERED":
        return joined(f"{subject} was not delivered", event.detail)
    verb = _EVENTS.get(event.action)
    did = f"{event.action} of {subject}" if verb is None else f"{verb} {subject}"
    return joined(f"{event.operator} {did}", event.detail)


def _subjects(timeline: Timeline) -> Subjects:
    subjects = {}
    for output in (output for step in timeline.steps for output in step.sent):
        if isinstance(output, Call):
            subjects[output.command_id] = f"call {output.round}.{output.position}"
        elif isinstance(output, Attention):
            subjects[output.attention_id] = f"attention {output.reason}"
        elif isinstance(output, Dispatch):
            subjects[output.command_id] = f"{output.action} to {output.partner_id}"
    return subjects
