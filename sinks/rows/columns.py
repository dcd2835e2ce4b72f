"""From the values of records to the rows of their staging tables (`queries/staging.sql`).

One function a topic. Each takes a value by position, as its schema has it, and the record's place; what only says
where or when a record lies comes last in every row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

Row: TypeAlias = tuple[Any, ...]


class RecordPosition(NamedTuple):
    """Where a record lies, and its timestamp on Kafka (milliseconds since 1970, UTC)."""

    partition: int
    offset: int
    timestamp: int


MakeRow: TypeAlias = Callable[[Row, RecordPosition], Row]


class Done(NamedTuple):
    """How many records of each kind a decision emitted; a cancelled call is none."""

    calls: int
    dispatches: int
    requests: int
    attentions: int


def of_decision(value: Row, place: RecordPosition) -> Row:
    """A Decision."""
    source: Row
    *head, source, site_offset, rule, phase_from, phase_to, round_, position, deadline, disposition, outputs = value
    return (
        *head,
        *source,
        site_offset,
        rule,
        phase_from,
        phase_to,
        round_,
        position,
        deadline,
        disposition,
        text_array(outputs),
        *done(value[1], outputs),
        place.partition,
        place.offset,
    )


def of_alert(value: Row, place: RecordPosition) -> Row:
    """An Alert."""
    return (*value, place.timestamp, place.partition, place.offset)


def of_call(value: Row, place: RecordPosition) -> Row:
    """A CallCommand."""
    *head, kinds, leave_message, issued_at, expires_at = value
    return (*head, text_array(kinds), leave_message, issued_at, expires_at, place.partition, place.offset)


def of_call_result(value: Row, place: RecordPosition) -> Row:
    """A CallResult."""
    return (*value, place.timestamp, place.partition, place.offset)


def of_dispatch(value: Row, place: RecordPosition) -> Row:
    """A DispatchCommand."""
    *head, kinds, count, first_alert_at, last_alert_at, address, instructions, issued_at, respond_by, cause = value
    return (
        *head,
        text_array(kinds),
        count,
        first_alert_at,
        last_alert_at,
        None if address is None else _address(*address),
        instructions,
        issued_at,
        respond_by,
        cause,
        place.partition,
        place.offset,
    )


def of_dispatch_report(value: Row, place: RecordPosition) -> Row:
    """A DispatchReport."""
    return (*value, place.timestamp, place.partition, place.offset)


def of_operator_action(value: Row, place: RecordPosition) -> Row:
    """An OperatorAction."""
    return (*value, place.timestamp, place.partition, place.offset)


def of_attention(value: Row, place: RecordPosition) -> Row:
    """An Attention."""
    *head, kinds, count, last_alert_at, raised_at = value
    return (*head, text_array(kinds), count, last_alert_at, raised_at, place.partition, place.offset)


def of_quarantined(value: Row, place: RecordPosition) -> Row:
    """A Quarantined; of its alert only what it is about, as the alert itself has a row of its own."""
    site_id, alert_id, reason, missing, at, alert, source, site_offset = value
    kind, raised_at = alert[2], alert[3]
    return (
        site_id,
        alert_id,
        reason,
        text_array(missing),
        at,
        kind,
        raised_at,
        *source,
        site_offset,
        place.partition,
        place.offset,
    )


def of_readiness(value: Row, place: RecordPosition) -> Row:
    """A Readiness."""
    site_id, subscribed, ready, needs_attention, missing, warnings, at = value
    return (
        site_id,
        subscribed,
        ready,
        needs_attention,
        text_array(missing),
        text_array(warnings),
        at,
        place.partition,
        place.offset,
    )


def of_readiness_tombstone(key: bytes, place: RecordPosition) -> Row:
    """A tombstone of a site's readiness: a row without a judgement."""
    return (key.decode(), None, None, None, None, None, None, place.partition, place.offset)


def done(incident_id: str | None, outputs: Sequence[str]) -> Done:
    """What the ids of a decision's outputs tell (procedure.md §7)."""
    if incident_id is None:
        return Done(0, 0, 0, len(outputs))  # a call for help raises an attention, and nothing else comes of no incident
    calls = dispatches = requests = attentions = 0
    begin = len(incident_id) + 1
    for output in outputs:
        what = output[begin:]
        if what.startswith("c"):
            calls += not what.endswith("-cancel")
        elif what.startswith("t"):
            attentions += 1
        else:
            _, _, command = what.partition("-")
            requests += command.startswith("r")
            dispatches += command == "r1"
    return Done(calls, dispatches, requests, attentions)


def text_array(items: Sequence[str]) -> str:
    """A list of texts as PostgreSQL reads a ``text[]``."""
    if not items:
        return "{}"
    joined = '","'.join(items)
    if "\\" in joined or joined.count('"') != 2 * (len(items) - 1):
        joined = '","'.join(item.replace("\\", "\\\\").replace('"', '\\"') for item in items)
    return f'{{"{joined}"}}'


def _address(line1: str, line2: str | None, postal_code: str, city: str, country: str) -> str:
    address = {"line1": line1, "line2": line2, "postal_code": postal_code, "city": city, "country": country}
    return json.dumps(address, ensure_ascii=False)
