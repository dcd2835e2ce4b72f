"""Real records for the ledger: the core in virtual time, with people, partners and operators around it, from a seed.

One simulation is one partition. Its inputs have the offsets that they get when the records are produced in order, so
what decisions say of their inputs is true on Kafka too.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heappop, heappush, merge
from itertools import count
from typing import Any, Final, NamedTuple, cast

from confluent_kafka import Producer

from schemas import encode
from schemas.contract.topics import TOPICS
from sinks.settings import Configuration
from streams.escalation.names import AlertKind, Outcome, ReportStatus, Situation
from streams.escalation.values import (
    Address,
    Alert,
    CallCommand,
    CallResult,
    Contact,
    Decision,
    DispatchCommand,
    DispatchReport,
    Event,
    Intervention,
    OperatorAction,
    OutputValue,
    Quarantined,
    Site,
    Source,
)
from streams.escalation.values import Attention as AttentionValue
from streams.formats.codec import Codec
from streams.simulation.simulation import DeadLetter, Simulation
from streams.simulation.simulation import Record as Emitted
from tests.support.times import START

MINUTE: Final = 60_000
STEP: Final = 5_000  # nobody answers sooner
_TOPICS: Final = {
    Alert: "alerts",
    CallResult: "call-results",
    DispatchReport: "dispatch-reports",
    OperatorAction: "operator-actions",
}
_OUTCOMES: Final[list[tuple[Outcome, Situation]]] = [
    ("NO_ANSWER", "UNKNOWN"),
    ("NO_ANSWER", "UNKNOWN"),
    ("IDENTIFIED", "NORMAL"),
    ("IDENTIFIED", "UNKNOWN"),
    ("WRONG_CODE", "NORMAL"),
    ("DURESS_CODE", "NORMAL"),
    ("NOT_IDENTIFIED", "ABNORMAL"),
]


class Record(NamedTuple):
    """One record of a topic (without prefix), at its place; ``value`` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    key: str
    value: Any
    at: int


class Neighbourhood:
    """The sites of one partition, and what happens to them."""

    def __init__(self, seed: int, partition: int, sites: int) -> None:
        self.records: list[Record] = []
        self._random = random.Random(f"{seed}-{partition}")
        self._partition = partition
        self._simulation = Simulation()
        self._offsets: Counter[str] = Counter()
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = count()
        self._ids = count(1)
        for number in range(sites):
            self._move_in(f"site-{partition}-{number}")

    def play(self, until: int) -> list[Record]:
        """Everything that happens until then, in order."""
        for now in range(START, until + STEP, STEP):  # what comes of a deadline may come before the next event
            while self._agenda and self._agenda[0][0] <= now:
                at, _, happen = heappop(self._agenda)
                self._emit(self._simulation.advance(at))
                happen(at)
            self._emit(self._simulation.advance(now))
        return self.records

    def later(self, at: int, happen: Callable[[int], None]) -> None:
        """Have something happen."""
        heappush(self._agenda, (at, next(self._order), happen))

    def input(self, event: Event, at: int) -> None:
        """An input comes, and is handled at once."""
        topic = _TOPICS[type(event)]
        offset = self._note(topic, event.site_id, event, at)
        self._emit(self._simulation.event(event, Source(topic, 0, offset), at))

    def site(self, site_id: str, site: Site | None, at: int) -> None:
        """A site record, which the ledger does not read, or its tombstone."""
        offset = self._offsets["sites"]
        self._offsets["sites"] += 1
        self._emit(self._simulation.site(site_id, site, Source("sites", 0, offset), at))

    def _move_in(self, site_id: str) -> None:
        kind = self._random.random()
        site = Site(
            site_id=site_id,
            subscribed=kind > 0.05,
            contacts=tuple(
                Contact(f"{site_id}-c{place}", "OWNER", "Ann", f"Martin{place}", f"+3363998000{place}", "hash")
                for place in (1, 2)
            ),
            address=None if 0.05 < kind < 0.1 else Address("1 rue des Lilas", None, "74300", "Cluses", "FR"),
            instructions='the key is "under" the\tstone \\ left',
            intervention=Intervention(kind < 0.95, ("P1", "P2")),
            test_until=None,
            updated_at=START,
        )
        self.later(START, lambda at: self.site(site_id, site, at))
        if kind > 0.97:
            self.later(START + 60 * MINUTE, lambda at: self.site(site_id, None, at))
        at = START + self._random.randrange(30 * MINUTE)
        for _ in range(self._random.choice([1, 1, 2, 3])):
            self.later(at, self._alert(site_id))
            at += self._random.choice([0, 20_000, 5 * MINUTE, 90 * MINUTE])

    def _alert(self, site_id: str) -> Callable[[int], None]:
        kind = cast("AlertKind", self._random.choice(["INTRUSION", "INTRUSION", "FIRE", "TAMPER", "OTHER"]))
        alert = Alert(f"A{next(self._ids)}", site_id, kind, START, "hall", 'a {detail}, of "its" own', "receiver-1")

        def happen(at: int) -> None:
            again = alert._replace(raised_at=at - 1500)
            self.input(again, at)
            if self._random.random() < 0.1:
                self.input(again, at)

        return happen

    def _emit(self, emitted: Iterable[Emitted]) -> None:
        for record in emitted:
            assert not isinstance(record.value, DeadLetter)
            value = _at_home(record.value, self._partition)
            self._note(record.topic, str(record.key), value, record.at)
            if isinstance(value, CallCommand) and value.action != "CANCEL":
                self._answer(value)
            elif isinstance(value, DispatchCommand) and value.action == "REQUEST":
                self._respond(value)
            elif isinstance(value, AttentionValue) and value.incident_id and value.repeat == 2:
                self._operate(value.site_id, value.incident_id, value.raised_at)

    def _answer(self, call: CallCommand) -> None:
        if self._random.random() < 0.15:
            return  # nobody says anything: it times out
        outcome, situation = self._random.choice(_OUTCOMES)
        after = self._random.choice([5_000, 30_000, 150_000])
        detail = "voicemail" if outcome == "NO_ANSWER" else None

        def happen(at: int) -> None:
            self.input(
                CallResult(
                    f"R{next(self._ids)}",
                    call.site_id,
                    call.incident_id if self._random.random() < 0.5 else None,
                    call.command_id,
                    call.contact_id if self._random.random() < 0.5 else None,
                    "OUTBOUND",
                    outcome,
                    situation,
                    outcome == "NO_ANSWER",
                    detail,
                    "desk-7",
                    at - 700,
                ),
                at,
            )

        self.later(call.issued_at + after, happen)

    def _respond(self, request: DispatchCommand) -> None:
        story: list[tuple[ReportStatus, int]] = self._random.choice(
            [
                [("ACCEPTED", 20_000), ("EN_ROUTE", 60_000), ("ON_SITE", 20 * MINUTE), ("CLOSED", 40 * MINUTE)],
                [("ON_SITE", 10 * MINUTE), ("CLOSED", 15 * MINUTE)],
                [("REJECTED", 15_000)],
                [],
            ]
        )
        for status, after in story:
            report = DispatchReport(
                f"D{next(self._ids)}",
                request.site_id,
                request.incident_id,
                request.dispatch_id,
                request.partner_id,
                status,
                "false alarm" if status == "CLOSED" else None,
                "no car" if status == "REJECTED" else None,
                0,
            )
            self.later(request.issued_at + after, self._report(report))

    def _report(self, report: DispatchReport) -> Callable[[int], None]:
        return lambda at: self.input(report._replace(reported_at=at - 300), at)

    def _operate(self, site_id: str, incident_id: str, at: int) -> None:
        action = OperatorAction(f"O{next(self._ids)}", site_id, incident_id, "CLOSE", "told so by phone", "olga", at)
        self.later(at + 1000, lambda at: self.input(action._replace(taken_at=at), at))

    def _note(self, topic: str, key: str, value: Event | OutputValue | None, at: int) -> int:
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        self.records.append(Record(topic, self._partition, offset, key, value, at))
        return offset


def neighbourhoods(partitions: int, sites: int, minutes: int, seed: int = 1) -> list[Record]:
    """What happens in each of the partitions, in order."""
    until = START + minutes * MINUTE
    streets = [Neighbourhood(seed, partition, sites).play(until) for partition in range(partitions)]
    return list(merge(*streets, key=lambda record: record.at))


def produce(configuration: Configuration, records: Iterable[Record], servers: str) -> None:
    """Send records to their places; tests that look at offsets are alone on their topics."""
    codec = Codec()
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "enable.idempotence": True})
    for record in records:
        topic = configuration.topic(record.topic)
        value = None if record.value is None else encoded(codec, record)
        producer.produce(topic, value, record.key.encode(), record.partition, timestamp=record.at)
        producer.poll(0)
    assert producer.flush(30) == 0


def encoded(codec: Codec, record: Record) -> bytes:
    """A record's value as bytes."""
    if TOPICS[record.topic].way != "out":
        return encode(cast("str", TOPICS[record.topic].schema), record.value._asdict())
    return codec.encoders[cast("Any", record.topic)](record.value)


def _at_home(value: OutputValue | None, partition: int) -> OutputValue | None:
    """The simulation knows one partition, 0; put what it says of places right."""

    def moved(text: str) -> str:
        return text.replace("-0-", f"-{partition}-", 1)

    if isinstance(value, Decision):
        if value.input.partition is not None:
            value = value._replace(input=value.input._replace(partition=partition))
        if value.incident_id is None:
            value = value._replace(decision_id=moved(value.decision_id), outputs=tuple(map(moved, value.outputs)))
    elif isinstance(value, AttentionValue) and value.incident_id is None:
        value = value._replace(attention_id=moved(value.attention_id))
    elif isinstance(value, Quarantined):
        value = value._replace(input=value.input._replace(partition=partition))
    return value
