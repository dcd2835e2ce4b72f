"""A run in virtual time: what a right worker would leave on the topics, all in one partition.

The checker must find nothing in it, and must find what is changed in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.contract.topics import TOPICS
from streams.escalation.state import EMPTY
from streams.escalation.values import Source
from streams.simulation.simulation import Record, Simulation
from tests.faults import values
from tests.faults.desks import PROCEDURES, Homes, Outside, Said
from tests.faults.records import NAMED_TOPICS, Raw, Sent, Topics, Value, decode, encode, id_of
from tests.support.times import START


class VirtualRun:
    """``seconds`` of alerts, ``rate`` a second, over ``sites`` sites; then everything comes to its end."""

    def __init__(self, seed: int, *, sites: int = 40, rate: int = 20, seconds: int = 15) -> None:
        self.topics = Topics()
        self.sent: list[Sent] = []
        self.now = START
        self._simulation = Simulation(PROCEDURES)
        self._outside = Outside(seed)
        self._homes = Homes(seed, sites)
        self._next = dict.fromkeys(TOPICS, 0)
        self._incidents: dict[str, bool] = {}  # open ones
        for name in self._homes.names:
            self._site(name, self._homes.site(name, self.now))
        end = START + seconds * 1000
        while self.now < end:
            self._pass_to(self.now + 1000 // rate)
            self._feed(Said("alerts", self._homes.alert(self.now)))
            if self.now % 500 < 1000 // rate:
                self._pass_to(self.now + 1)
                self._site(*self._homes.edit(self.now))
        self._outside.calm = True
        while any(self._incidents.values()):
            self._pass_to(self.now + 20)
        self._pass_to(self.now + 10_000)
        self._keep_states()

    def _pass_to(self, to: int) -> None:
        """Time passes: deadlines and answers, each at a time of its own."""
        while (at := self._outside.agenda.next_at()) is not None and at <= to:
            for said in self._outside.agenda.due(at):
                self.now = max(self.now + 1, at)
                self._feed(said)
        self.now = max(self.now + 1, to)
        self._write(self._simulation.advance(self.now))

    def _feed(self, said: Said) -> None:
        topic, value = said
        self._write(self._simulation.advance(self.now))
        event = values.event(topic, value)
        raw = self._append(topic, value["site_id"].encode(), encode(topic, value))
        self.sent.append(Sent(raw.place, id_of(topic, value)))
        self._write(self._simulation.event(event, Source(*raw.place), self.now))

    def _site(self, name: str, value: Value | None) -> None:
        self._write(self._simulation.advance(self.now))
        self.now += 1  # within one instant, sites go before deadlines
        raw = self._append("sites", name.encode(), None if value is None else encode("sites", value))
        self.sent.append(Sent(raw.place, name))
        site = None if value is None else values.site(value)
        self._write(self._simulation.site(name, site, Source(*raw.place), self.now))

    def _write(self, records: Iterable[Record]) -> None:
        for at, topic, key, value in records:
            told = None if value is None else values.plain(value)
            raw = self._append(topic, str(key).encode(), None if told is None else encode(topic, told), at)
            if raw.value is None:
                continue
            read = decode(topic, raw.value)
            if topic in NAMED_TOPICS:
                self._outside.take(topic, read, at)
            elif topic == "decisions" and read["incident_id"] is not None:
                self._incidents[read["incident_id"]] = read["phase_to"] != "CLOSED"

    def _append(self, topic: str, key: bytes, value: bytes | None, at: int | None = None) -> Raw:
        raw = Raw(topic, 0, self._next[topic], self.now if at is None else at, key, value)
        self._next[topic] += 1
        self.topics.add(raw)
        return raw

    def _keep_states(self) -> None:
        """What the worker writes again and again is here only as it is in the end."""
        for name, state in self._simulation._states.items():
            if state != EMPTY:
                self._append("state", name.encode(), encode("state", values.plain_state(state)))
