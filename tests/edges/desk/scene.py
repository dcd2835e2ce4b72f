"""A night as the engine's own core tells it, for a desk to read: records with their bytes, topic by topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from edges.desk.progress import Place
from edges.desk.state import DeskState
from edges.desk.work import Item, WorkList
from edges.values import CONSTRUCTORS, Claim, DeskEvent, Signal
from schemas.avro.decoder import decoder
from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from schemas.contract.topics import TOPICS
from streams.escalation import values as core
from streams.escalation.state import EMPTY
from streams.escalation.step import set_aside_attention
from streams.simulation.simulation import DeadLetter, Simulation

T0: Final = 1_767_225_600_000  # 2026-01-01
Recorded = tuple[Place, bytes]


@cache
def write(topic: str) -> Callable[[Any], bytes]:
    schema = load(str(TOPICS[topic].schema))
    return writer(schema, single_object(schema))


@cache
def read(topic: str) -> Callable[[bytes], Any]:
    return decoder(str(TOPICS[topic].schema), CONSTRUCTORS)


def contact(
    contact_id: str, role: Any = "OWNER", phone: str | None = "+33639980001", hash_: str | None = "$argon2id$x"
) -> core.Contact:
    return core.Contact(contact_id, role, contact_id.capitalize(), "Martin", phone, hash_, None, "fr")


ADDRESS: Final = core.Address("1 rue des Lilas", None, "74300", "Cluses", "FR")


class Scene:
    """Inputs in, the records of all topics out; times are seconds since `T0`."""

    def __init__(self, partition: int = 0) -> None:
        self.records: list[Recorded] = []
        self._simulation = Simulation()
        self._offsets: dict[str, int] = {}
        self._partition = partition
        self.now = T0

    def site(self, site_id: str = "S1", *contacts: core.Contact, partners: tuple[str, ...] = ("P1",)) -> None:
        people = contacts or (contact("ann"), contact("bob", "MEMBER"))
        site = core.Site(
            site_id, True, people, ADDRESS, "the dog bites", core.Intervention(True, partners), None, self.now
        )
        place = self._add("sites", site)
        self._take(self._simulation.site(site_id, site, core.Source("sites", place.partition, place.offset), self.now))

    def alert(self, at: float, kind: Any = "INTRUSION", alert_id: str = "A1", site_id: str = "S1") -> None:
        self._event("alerts", at, core.Alert(alert_id, site_id, kind, self._ms(at), "3", None, None))

    def result(
        self,
        at: float,
        command_id: str | None,
        outcome: Any,
        situation: Any = "UNKNOWN",
        operator: str | None = "ann",
        direction: Any = "OUTBOUND",
        site_id: str = "S1",
    ) -> str:
        result_id = f"{command_id}-result-{at}"
        self._event(
            "call-results",
            at,
            core.CallResult(
                result_id, site_id, None, command_id, None, direction, outcome, situation, False, None, operator,
                self._ms(at),
            ),
        )  # fmt: skip
        return result_id

    def report(self, at: float, dispatch_id: str, status: Any) -> None:
        incident = dispatch_id.partition("-")[0]
        self._event(
            "dispatch-reports",
            at,
            core.DispatchReport(
                f"{dispatch_id}-{status}", "S1", incident, dispatch_id, "P1", status, None, None, self._ms(at)
            ),
        )

    def action(
        self, at: float, action: Any, incident_id: str | None, action_id: str = "O1", site_id: str = "S1"
    ) -> None:
        self._event(
            "operator-actions",
            at,
            core.OperatorAction(action_id, site_id, incident_id, action, "why", "ann", self._ms(at)),
        )

    def set_aside(self, at: float, site_id: str = "S1") -> str:
        """The engine sets a site aside: its next alert finds no incident. The attention's id."""
        self._take(self._simulation.advance(self._ms(at)))
        self.now = self._ms(at)
        self._simulation._keep(site_id, EMPTY)
        source = core.Source("state", self._partition, len(self.values("attention")))
        attention = set_aside_attention(site_id, None, source, self.now)
        self._add("attention", attention)
        return attention.attention_id

    def until(self, at: float) -> None:
        self._take(self._simulation.advance(self._ms(at)))
        self.now = self._ms(at)

    def claim(
        self, at: float, action: str, subject: str, by: str = "ann", seconds: int = 60, site_id: str = "S1"
    ) -> None:
        self.now = self._ms(at)
        self._add("claims", Claim(f"{subject}-{at}", site_id, None, subject, by, "PERSON", action, seconds))

    def event(
        self, at: float, action: str, subject: str | None, detail: str | None = None, incident_id: str | None = None,
        site_id: str = "S1", operator: str = "ann",
    ) -> None:  # fmt: skip
        self.now = self._ms(at)
        self._add(
            "desk-log", DeskEvent(f"{subject}-{at}", site_id, incident_id, operator, action, subject, detail, self.now)
        )

    def signal(
        self,
        at: float,
        account: str = "1234",
        outcome: str = "SIGNAL",
        kind: str | None = None,
        site_id: str | None = "S1",
    ) -> str:
        self.now = self._ms(at)
        signal = Signal(
            f"{account}-7-00000000-{self.now}-r1-1", site_id, account, "DC09", "0007", "130", "NEW", "1", "3", None,
            "BURGLARY", kind, None, outcome, None, None, None, self.now, "r1", False, None, b"raw",
        )  # fmt: skip
        self._add("signals", signal)
        return signal.signal_id

    @property
    def incident_id(self) -> str:
        """Of the incident that began last."""
        opened = [value.incident_id for value in self.values("decisions") if value.version == 1]
        return str(opened[-1])

    def values(self, topic: str) -> list[Any]:
        return [read(topic)(data) for place, data in self.records if place.topic == topic]

    def _ms(self, at: float) -> int:
        return T0 + round(at * 1000)

    def _event(self, topic: str, at: float, event: core.Event) -> None:
        self._take(self._simulation.advance(self._ms(at)))
        self.now = self._ms(at)
        place = self._add(topic, event)
        self._take(self._simulation.event(event, core.Source(topic, place.partition, place.offset), self.now))

    def _take(self, records: Iterable[Any]) -> None:
        for record in records:
            assert not isinstance(record.value, DeadLetter), record
            if record.topic in {"calls", "dispatches", "attention", "decisions"}:
                self.now = record.at
                self._add(record.topic, record.value)

    def _add(self, topic: str, value: Any) -> Place:
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        place = Place(topic, self._partition, offset, self.now, self.now / 1000)
        self.records.append((place, write(topic)(value)))
        return place


class Desk:
    """A desk that has read a scene's records, in an order of the caller's."""

    def __init__(self, records: Iterable[Recorded] = (), at: float | None = None) -> None:
        records = list(records)
        self.state = DeskState(1 + max((place.partition for place, _ in records), default=0))
        self.heard: list[tuple[str, Any]] = []
        self.work = WorkList(self.state, lambda name, value: self.heard.append((name, value)))
        self.read(records)
        if at is not None:
            self.update(at)

    def read(self, records: Iterable[Recorded]) -> None:
        for place, data in records:
            if place.topic not in {"sites", "alerts"}:
                self.state.apply(place, read(place.topic)(data), data)

    def update(self, at: float) -> None:
        now = T0 + round(at * 1000)
        self.state.monotonic = now / 1000
        self.work.update(now)

    def items(self) -> list[Item]:
        return self.work.in_order()

    def subjects(self) -> list[str]:
        return [item.subject for item in self.items()]


def opened(kind: str = "INTRUSION") -> tuple[Scene, str]:
    """An alert, and its incident's id."""
    scene = Scene()
    scene.site()
    scene.alert(10, kind)
    return scene, scene.incident_id


def handed_over() -> tuple[Scene, str]:
    """An incident that nobody but an operator takes care of any more, and its id."""
    scene = Scene()
    scene.site("S1", contact("ann"), partners=())
    scene.alert(10)
    scene.result(20, f"{scene.incident_id}-c1.1", "NOT_IDENTIFIED", "ABNORMAL")
    return scene, scene.incident_id


def decisions_first(records: list[Recorded]) -> list[Recorded]:
    """As a desk that was started again reads them."""
    return sorted(records, key=lambda record: record[0].topic != "decisions")
