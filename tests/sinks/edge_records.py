"""What receivers and desks would have recorded beside the records of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

from edges.values import Claim, DeskEvent, Signal
from streams.escalation.values import Alert, CallCommand
from tests.sinks.records import Record

SECOND: Final = 1000
TOPICS: Final = {Signal: "signals", Claim: "claims", DeskEvent: "desk-log"}


def placed(values: Iterable[tuple[int, Any]], partition: int) -> list[Record]:
    """Values with their times as the records of a partition, in the order of their times."""
    offsets: Counter[str] = Counter()
    records = []
    for at, value in sorted(values, key=lambda each: each[0]):
        topic = TOPICS[type(value)]
        key = value.site_id or f"account:{value.account}"
        records.append(Record(topic, partition, offsets[topic], key, value, at))
        offsets[topic] += 1
    return records


def beside(records: Iterable[Record]) -> list[Record]:
    """A signal for each alert, and for each call somebody who takes it, looks, and leaves it."""
    values: dict[int, list[tuple[int, Any]]] = {}
    for record in records:
        if isinstance(record.value, Alert):
            values.setdefault(record.partition, []).append((record.at, of_alert(record.value, record.at)))
        elif isinstance(record.value, CallCommand) and record.value.action != "CANCEL":
            values.setdefault(record.partition, []).extend(of_call(record.value))
    return [record for partition, part in values.items() for record in placed(part, partition)]


def of_alert(alert: Alert, at: int, **fields: Any) -> Signal:
    """The signal that an alert was made of."""
    signal = Signal(
        signal_id=f"{alert.alert_id}-{at}",
        site_id=alert.site_id,
        account="4F2A",
        protocol="DC09",
        sequence="0007",
        code="BA",
        qualifier="NEW",
        partition="1",
        zone=alert.zone,
        user=None,
        meaning="BURGLARY",
        kind=alert.kind,
        alert_id=alert.alert_id,
        outcome="ALERT",
        reason=None,
        occurred_at=None,
        raised_at=alert.raised_at,
        received_at=at - 50,
        receiver="receiver-1",
        authenticated=True,
        text=None,
        raw=b"\n" + sha256(alert.alert_id.encode()).digest() + b"\\\r",
    )
    return signal._replace(**fields)


def of_call(call: CallCommand) -> Iterator[tuple[int, Claim | DeskEvent]]:
    """Olga takes a call 4 s after its issue, a second before Paul, looks at the incident, and leaves it."""
    claim = Claim(
        f"{call.command_id}-olga", call.site_id, call.incident_id, call.command_id, "olga", "PERSON", "TAKE", 60
    )
    yield call.issued_at + 4 * SECOND, claim
    yield call.issued_at + 5 * SECOND, claim._replace(claim_id=f"{call.command_id}-paul", by="paul")
    event = DeskEvent(
        f"{call.command_id}-viewed", call.site_id, call.incident_id, "olga", "VIEWED", None, None, call.issued_at + 6000
    )
    yield call.issued_at + 6 * SECOND, event
    released = claim._replace(claim_id=f"{call.command_id}-released", action="RELEASE")
    yield call.issued_at + 20 * SECOND, released
