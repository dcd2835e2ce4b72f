"""A desk without Kafka: its records go to the very core of the engine, and what that decides comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import httpx
from prometheus_client import CollectorRegistry, Counter

from edges.desk.answers import event_data
from edges.desk.api import DeskApi
from edges.desk.broker_clock import BrokerClock
from edges.desk.calls import Calls
from edges.desk.deadline import left
from edges.desk.decisions import Decisions
from edges.desk.dossier import Dossier
from edges.desk.fetchers import Fetchers
from edges.desk.history import History
from edges.desk.holding import Holding
from edges.desk.merged import MergedKinds
from edges.desk.next_calls import NextCalls
from edges.desk.own_records import OwnRecords
from edges.desk.pages import FOLDER, PLACES, DeskPages
from edges.desk.read_back import ReadBacks
from edges.desk.reader import DeskReader, NotReadError
from edges.desk.records import Records
from edges.desk.reserved import Reserved
from edges.desk.site_index import SiteIndex
from edges.desk.spoken_words import Words
from edges.desk.state import DeskState
from edges.desk.viewed import ViewLog
from edges.desk.wallboard import FirstCallCount
from edges.desk.work import WorkList
from edges.desk.writer import Writer
from edges.kafka.errors import KafkaAwayError, UnconfirmedError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.values import CallResult, Claim, Decision, DeskEvent, OperatorAction
from edges.web.events import Channel
from edges.web.problems import UNCONFIRMED
from edges.web.settings import WebSettings
from edges.web.values import write_instant
from edges.web.website import website
from service.objectives import ObjectiveSettings
from streams.escalation import values as core
from tests.edges.desk.floor import CHEAP, THREAT, WORD
from tests.edges.desk.scene import Scene, contact, read

KEY: Final = "the key that all replicas of this desk share"
ORIGIN: Final = "http://localhost"


def now_ms() -> int:
    return int(time.time() * 1000)


class LiveScene(Scene):
    """A scene whose times are the wall clock's."""

    def _ms(self, at: float) -> int:
        return now_ms()

    def run(self) -> None:
        """Fire what is due."""
        self.now = now_ms()
        self._take(self._simulation.advance(self.now))


class MemoryReader:
    """Reads what the scene has; as old as the test says."""

    def __init__(self, desk: MemoryDesk) -> None:
        self._desk = desk
        self.own = ReadBacks(desk.state)
        self.age_seconds = 0.0
        self.reads = 0
        self.unread: frozenset[int] = frozenset()

    def age(self, partition: int) -> float:
        return self.age_seconds

    def ages(self) -> list[float]:
        return [self.age_seconds]

    async def to_the_end(self, partition: int) -> None:
        self.reads += 1
        await self._desk.hang(2.0)
        if self._desk.is_frozen:
            raise NotReadError
        self._desk.catch_up()

    async def answers_to_the_end(self, partition: int) -> None:
        await self.to_the_end(partition)

    async def said_to_the_end(self, partition: int) -> None:
        await self._desk.hang(2.0)
        if self._desk.is_frozen:
            raise NotReadError


class MemoryWriter:
    """Writes to the scene, whose engine decides at once."""

    def __init__(self, desk: MemoryDesk) -> None:
        self._desk = desk

    def partition_of(self, key: str) -> int:
        return 0

    async def send(self, **values: Any) -> None:
        await self._desk.hang(CONFIRM_SECONDS)
        if self._desk.is_frozen:
            if self._desk.keeps:
                self._desk.kept += values.items()
            raise UnconfirmedError("the test's broker is frozen")
        for name, value in values.items():
            self._desk.write(name.replace("_", "-"), value)
        self._desk.catch_up()

    async def send_once(self, **value: Any) -> None:
        ((name, said),) = value.items()
        if (name, said[0]) not in [(kept_name, kept[0]) for kept_name, kept in self._desk.kept]:
            await self.send(**value)
        elif self._desk.is_frozen:
            raise UnconfirmedError("the test's broker is frozen")


class MemoryFetcher:
    """Finds the scene's records by their place."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def fetch(self, topic: str, partition: int, offset: int, key: str, seconds: float) -> bytes | None:
        for place, data in self._scene.records:
            if (place.topic, place.offset) == (topic, offset):
                return data
        return None


class MemoryDesk:
    """One desk over a scene."""

    def __init__(self, folder: Path, scene: Scene | None = None) -> None:
        self.scene = scene or LiveScene()
        self.is_frozen = False
        self.hangs = False  # while it is frozen, each step waits for as long as it may
        self.hung: list[float] = []  # how long they may, in seconds
        self.keeps = False  # what is sent while it is frozen comes afterwards
        self.kept: list[tuple[str, Any]] = []
        self.state = DeskState(1)
        self.channel = Channel()
        self.work = WorkList(self.state, self._publish)
        self.sites = SiteIndex()
        self.state.callees_at = self.sites.callees_at
        self._read = 0
        self.reader = MemoryReader(self)
        writer = MemoryWriter(self)
        self.clock = BrokerClock()
        reader = cast("DeskReader", self.reader)
        self.reserved = Reserved(self.state, reader, self.clock)
        self.own = OwnRecords(self.state, reader, cast("Writer", writer), self.clock, self.reserved)
        self.holding = Holding(self.state, self.work, reader, self.own, self.reserved)
        self.next_calls = NextCalls(self.own)
        decoders: dict[str, Callable[[bytes], Any]] = {
            topic: read(topic)
            for topic in (
                "sites", "alerts", "signals", "decisions", "calls", "dispatches", "attention", "call-results",
                "dispatch-reports", "operator-actions", "claims", "desk-log",
            )
        }  # fmt: skip
        records = self.records = Records(cast("Fetchers", MemoryFetcher(self.scene)), decoders, self.sites)
        self.merged = MergedKinds(self.state, records)
        self.judged = Counter("words", "Words.", ("verdict",), registry=CollectorRegistry())
        self.calls = Calls(self.holding, self.own, self.next_calls, records, Words(), self.judged)
        self.api = DeskApi(
            self.holding,
            self.calls,
            Decisions(self.holding, self.own, self.merged),
            Dossier(self.state, records, self.merged, self.sites, decoders, lambda: self.reader.unread),
            History(None),
            self.channel,
            ViewLog(self.own),
        )
        web = WebSettings(tokens_file=folder / "tokens.json", users_file=folder / "users.json", session_key=KEY)
        self.app = website(
            "desk",
            "0",
            web,
            folder=FOLDER,
            places=PLACES,
            errors={UnconfirmedError: UNCONFIRMED, KafkaAwayError: UNCONFIRMED},
        )
        self.app.add_routes(self.api.routes())
        self.app.state.pages.clock = self.clock.now
        self.app.state.unread = lambda: self.reader.unread
        self.app.add_routes(
            DeskPages(
                self.api, self.app.state.pages, "Ronde Sécurité", FirstCallCount(self.state, ObjectiveSettings())
            ).routes()
        )
        self.catch_up()

    def end_streams(self) -> None:
        """End all streams in the loop of the thread that serves them."""
        self.app.state.loop.call_soon_threadsafe(self.channel.close)

    def catch_up(self) -> None:
        """Read all that the scene has."""
        while self._read < len(self.scene.records):
            place, data = self.scene.records[self._read]
            self._read += 1
            value = read(place.topic)(data)
            if place.topic == "sites":
                self.sites.take([(value.site_id, 0, place.offset, value)])
            elif place.topic != "alerts":
                self.state.apply(place._replace(read_at=time.monotonic()), value, data)
                self.reader.own.meet(value, place)
                if isinstance(value, Decision):
                    self.next_calls.on_decision(value)
        self.state.monotonic = time.monotonic()
        self.work.update(self.clock.now())

    async def hang(self, most: float) -> None:
        """Wait as a real desk does."""
        if self.is_frozen and self.hangs:
            self.hung.append(left(most))
            await asyncio.sleep(self.hung[-1])

    def write(self, topic: str, value: Any) -> None:
        """Write a record as a desk does; inputs go to the engine."""
        scene = self.scene
        scene.now = now_ms()
        match value:
            case Claim() | DeskEvent():
                scene._add(topic, value)
            case CallResult():
                scene._event(topic, 0, core.CallResult(*value))  # type: ignore[arg-type]
            case OperatorAction():
                scene._event(topic, 0, core.OperatorAction(*value))  # type: ignore[arg-type]
            case _:
                raise AssertionError(topic)

    def home(self, site_id: str = "S1", count: int = 2) -> None:
        """A site whose contacts have words."""
        people = [
            contact(("hélène", "bob", "cleo")[number], phone=f"+3363998000{number}")._replace(
                password_hash=CHEAP.hash(WORD), duress_hash=CHEAP.hash(THREAT)
            )
            for number in range(count)
        ]
        self.scene.now = now_ms()
        self.scene.site(site_id, *people)
        self.catch_up()

    def alarm(self, site_id: str = "S1", kind: str = "INTRUSION", alert_id: str = "A1") -> str:
        """An alert; its incident's id."""
        self.scene.alert(0, kind, alert_id, site_id)
        self.catch_up()
        return self.scene.incident_id

    def _publish(self, name: str, value: Any) -> None:
        self.channel.publish(name, event_data(value))


@contextmanager
def frozen(desk: MemoryDesk, *, hangs: bool = False, keeps: bool = False) -> Iterator[None]:
    """Kafka acknowledges nothing within the block; it says so at once, or nothing at all.

    ``keeps``: what was sent meanwhile is written, and read, at its end.
    """
    desk.is_frozen, desk.hangs, desk.keeps = True, hangs, keeps
    before = len(desk.kept)
    try:
        yield
    finally:
        desk.is_frozen = False
        for name, value in desk.kept[before:]:
            desk.write(name.replace("_", "-"), value)
        desk.catch_up()


class Worker:
    """Somebody at the desk."""

    def __init__(self, desk: MemoryDesk, headers: dict[str, str]) -> None:
        transport = httpx.ASGITransport(desk.app)
        self.http = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)

    async def take(self, subject: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/v1/work/{subject}/take", json=body)

    async def word(self, subject: str, word: str) -> httpx.Response:
        return await self.http.post(f"/v1/calls/{subject}/word", json={"word": word})

    async def result(self, subject: str, outcome: str, situation: str = "UNKNOWN", **more: Any) -> httpx.Response:
        body = {"outcome": outcome, "situation": situation, "at": write_instant(now_ms()), **more}
        return await self.http.put(f"/v1/calls/{subject}/result", json=body)


class Floor:
    """All who work."""

    def __init__(self, ann: Worker, bob: Worker, zoe: Worker, robot: Worker) -> None:
        self.ann, self.bob, self.zoe, self.robot = ann, bob, zoe, robot


async def called(desk: MemoryDesk, floor: Floor) -> str:
    """The command of a call that ann holds."""
    command = f"{desk.alarm()}-c1.1"
    assert (await floor.ann.take(command)).status_code == 200
    return command
