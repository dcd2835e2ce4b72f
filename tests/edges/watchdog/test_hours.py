"""An hour of quiet and an hour of storm in virtual time: the core decides, through restarts; nothing is found."""

from __future__ import annotations

import random
from collections import deque
from heapq import heappop, heappush
from typing import Any, Final

import pytest

from edges import values as read
from edges.values import Claim
from edges.watchdog.judge import READ, TOPICS, Judge, Limits, Place
from schemas.contract.topics import Log
from streams.escalation import values as core
from streams.simulation.simulation import Record, Simulation

SITES: Final = 100
CATCH_UP: Final = 30
LIMITS: Final = Limits(deadline=(CATCH_UP + 15) * 1000, is_desk_used=True)
START: Final = 1_790_000_000_000
CONTACTS: Final = tuple(
    core.Contact(name, "OWNER", name, name, "+33612345601", "hash", None, None) for name in ("ann", "bob")
)
ADDRESS: Final = core.Address("1 rue X", None, "75001", "Paris", "FR")


class Night:
    """The engine, its operators and partners, and a judge that reads what all of them write.

    The engine is down at times, and then takes inputs first: for `CATCH_UP` seconds no deadline fires.
    """

    def __init__(self, seed: int, restarts: dict[int, int]) -> None:
        self.dice = random.Random(seed)
        self.second = 0
        self._restarts = restarts
        self._down_until = self._quiet_until = 0
        self._engine = Simulation()
        self.judge = Judge(1, LIMITS, START)
        self._offsets: dict[str, int] = {}
        self._waiting: deque[tuple[core.Event, core.Source]] = deque()
        self._later: list[tuple[int, int, str, Any]] = []  # second, order, topic, value: what people write
        self.left_out: int | None = None  # which decision the watchdog never gets
        self.record: dict[str, list[tuple[Place, Any]]] = {topic: [] for topic in READ}
        self.ages: dict[Log, float] = dict.fromkeys(((topic, 0) for topic in READ), 0.0)
        for number in range(SITES):
            intervention = core.Intervention(True, ("P1",))
            site = core.Site(f"S{number}", True, CONTACTS, ADDRESS, None, intervention, None, 0)
            self._engine.site(site.site_id, site, core.Source("sites", 0, number), START)

    @property
    def ms(self) -> int:
        return START + 1000 * self.second

    def later(self, seconds: int, topic: str, value: Any) -> None:
        """Have somebody write a record."""
        heappush(self._later, (self.second + seconds, len(self._later) + self.dice.randrange(1 << 40), topic, value))

    def alert(self) -> None:
        site = f"S{self.dice.randrange(SITES)}"
        kind: Any = self.dice.choice(("INTRUSION", "INTRUSION", "FIRE", "TAMPER", "OTHER"))
        self.later(0, "alerts", core.Alert(f"A{self.dice.random()}", site, kind, self.ms))

    def pass_second(self) -> int:
        """A second: people write, the engine decides, the watchdog judges; how many kinds it finds."""
        self.second += 1
        while self._later and self._later[0][0] <= self.second:
            _, _, topic, value = heappop(self._later)
            self._write(topic, value)
        if self.second in self._restarts:
            self._down_until = self.second + self._restarts[self.second]
            self._quiet_until = self._down_until + CATCH_UP
        if self.second >= self._down_until:
            self._work()
        for topic in TOPICS:
            self.judge.ends.high((topic, 0), self._offsets.get(topic, 0), self.ms)
            self.judge.ends.stable((topic, 0), self._offsets.get(topic, 0), self.ms)
        return len(self.judge.judge(self.ms, self.ms, self.ages))

    def _work(self) -> None:
        if self.second >= self._quiet_until:
            for record in self._engine.advance(self.ms):
                self._emit(record)
        while self._waiting:
            event, source = self._waiting.popleft()
            for record in self._engine.event(event, source, self.ms):
                self._emit(record)

    def _write(self, topic: str, value: Any) -> None:
        """An input, or a claim; the watchdog reads it at once, the engine when it runs."""
        offset = self._put(topic, read.CallResult(*value) if topic == "call-results" else value)
        if topic != "claims":
            self._waiting.append((value, core.Source(topic, 0, offset)))

    def _put(self, topic: str, value: Any) -> int:
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        if topic in READ and (topic, offset) != ("decisions", self.left_out):
            place = Place(topic, 0, offset, self.ms, self.ms, self.ms)
            self.record[topic].append((place, value))
            self.judge.take(place, value)
        return offset

    def _emit(self, record: Record) -> None:
        value = record.value
        if isinstance(value, core.Decision):
            fields = value._asdict() | {"input": read.InputRef(*value.input)}
            self._put("decisions", read.Decision(**fields))
        elif isinstance(value, core.CallCommand):
            self._put("calls", read.CallCommand(*value))
            self._operate(value)
        elif isinstance(value, core.DispatchCommand):
            self._put("dispatches", None)
            self._report(value)
        elif isinstance(value, core.Attention):
            self._put("attention", read.Attention(*value))
        elif isinstance(value, core.Quarantined):
            fields = value._asdict() | {"alert": read.Alert(*value.alert), "input": read.Source(*value.input)}
            self._put("quarantine", read.Quarantined(**fields))

    def _operate(self, call: core.CallCommand) -> None:
        """An operator takes the call, and may answer it in time."""
        if call.action == "CANCEL":
            return
        taken, length = self.dice.randrange(1, 25), self.dice.randrange(5, 150)
        for at in range(taken, taken + length, 20):
            claim = ("RENEW" if at > taken else "TAKE", 60)
            self.later(
                at, "claims", Claim("k", call.site_id, call.incident_id, call.command_id, "ann", "PERSON", *claim)
            )
        outcome: Any = self.dice.choice(("IDENTIFIED", "NO_ANSWER", "WRONG_CODE", "IDENTIFIED"))
        at = taken + length
        result = core.CallResult(
            f"{call.command_id}-r", call.site_id, call.incident_id, call.command_id, None, "OUTBOUND", outcome,
            "NORMAL", False, None, "ann", self.ms + 1000 * at,
        )  # fmt: skip
        self.later(at, "call-results", result)

    def _report(self, command: core.DispatchCommand) -> None:
        if command.action != "REQUEST" or self.dice.random() < 0.2:
            return
        for after, status in ((20, "ACCEPTED"), (60, "EN_ROUTE"), (600, "ON_SITE"), (900, "CLOSED")):
            report = core.DispatchReport(
                f"{command.dispatch_id}-{status}", command.site_id, command.incident_id, command.dispatch_id, "P1",
                status, None, None, self.ms,  # type: ignore[arg-type]
            )  # fmt: skip
            self.later(after, "dispatch-reports", report)

    @property
    def open(self) -> int:
        return self.judge.incidents[0].count


RESTARTS: Final = {600: 9, 1200: 5, 1800: 9, 3000: 12}


def test_an_hour_of_quiet() -> None:
    night = Night(1, RESTARTS)
    for second in range(3600):
        if second % 400 == 0:
            night.alert()
        assert night.pass_second() == 0, f"at {second} s: {night.judge.judge(night.ms, night.ms, night.ages)}"


def test_an_hour_of_storm_and_memory_by_what_is_open() -> None:
    night = Night(2, RESTARTS)
    most = 0
    for second in range(3600):
        for _ in range(20 if 300 <= second < 420 else 1):
            night.alert()
        assert night.pass_second() == 0, f"at {second} s: {night.judge.judge(night.ms, night.ms, night.ages)}"
        most = max(most, night.open)
    assert most > SITES, "sites with an incident of each procedure"
    for _ in range(1800):
        assert night.pass_second() == 0
    assert night.judge.kept <= night.open + 10


@pytest.mark.parametrize("begin", [605, 625])
def test_it_may_begin_amid_a_storm(begin: int) -> None:
    """Also while the engine is down or catches up; of the records before it reads the last ten minutes."""
    night = Night(3, RESTARTS)
    for second in range(begin + 300):
        for _ in range(2):
            night.alert()
        if second == begin:
            records = night.record
            night.judge = Judge(1, LIMITS, night.ms)
            for topic in sorted(records, key=lambda _: night.dice.random()):
                for place, value in records[topic]:
                    if place.timestamp >= night.ms - 600_000:
                        night.judge.take(place._replace(now=night.ms, monotonic=night.ms), value)
        found = night.pass_second()
        assert second < begin or found == 0, f"at {second} s: {night.judge.judge(night.ms, night.ms, night.ages)}"


@pytest.mark.slow
@pytest.mark.parametrize("left_out", [40, 173, 260])
def test_any_decision_that_is_left_out_is_found(left_out: int) -> None:
    night = Night(4, {})
    night.left_out = left_out
    found = 0
    for _ in range(900):
        if night.second % 4 == 0:
            night.alert()
        found = max(found, night.pass_second())
    assert found
