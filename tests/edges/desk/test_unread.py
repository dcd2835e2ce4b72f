"""A desk that began without partitions that nobody led: what it says of their homes, and how they join."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, Final

import pytest
import pytest_asyncio
from confluent_kafka import KafkaError, KafkaException

from edges.desk import leaders, reader
from edges.desk.leaders import Leaders
from edges.desk.reader import STALE_SECONDS, DeskReader, NotReadError
from edges.desk.site_index import SiteIndex
from edges.desk.state import DeskState
from edges.desk.unlisted import Unlisted
from edges.desk.work import WorkList
from edges.kafka import lookback
from edges.kafka.errors import TopicsDifferError, UnconfirmedError
from edges.kafka.framing import Framing
from edges.kafka.layout import Layout
from edges.kafka.view import Entry, Reading
from edges.settings import Connection
from tests.edges.desk.floor import WORD, code
from tests.edges.desk.memory import MemoryDesk
from tests.edges.desk.scene import T0, Scene, read
from tests.edges.desk.test_api import Floor, called, desk, floor

__all__ = ["desk", "floor"]
pytestmark = pytest.mark.asyncio
AWAY: Final = {"bootstrap.servers": "127.0.0.1:1"}
CONNECTION: Final = Connection("none.", "none", 3, AWAY, AWAY)
ALL: Final = frozenset(range(3))
PATIENCE: Final = 60


class Kafka:
    """Leads what the test says; a view is read once all of its partitions are led."""

    def __init__(self) -> None:
        self.unled: set[int] = set()
        self.error: Exception | None = None
        self.looks = 0
        self.began: list[tuple[tuple[str, ...], list[int]]] = []
        self.stopped: list[tuple[str, ...]] = []
        self.views: dict[int, list[View]] = defaultdict(list)
        self.blocks: str | None = None  # no view that has this topic is read
        self.lookbacks: list[list[int]] = []

    def leaders(self, *_: Any) -> dict[tuple[str, int], int | None]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return {
            (topic, number): None if topic == "calls" and number in self.unled else 1
            for topic in ("sites", "calls")
            for number in ALL
        }

    def starts(self, *_: Any, partitions: list[int], **__: Any) -> dict[str, dict[int, int]]:
        if self.unled & {*partitions}:
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        self.lookbacks.append(partitions)
        return {}


class View:
    """Stands at the end of its partitions once they are led."""

    def __init__(
        self, kafka: Kafka, topics: dict[str, Reading], take: Any, partitions: Iterable[int] | None = None
    ) -> None:
        self.kafka, self.topics, self.take = kafka, tuple(topics), take
        self.partitions = [*(ALL if partitions is None else partitions)]
        self.failure = None
        self.undecodable = 0

    def start(self) -> None:
        self.kafka.began.append((self.topics, self.partitions))
        for number in self.partitions:
            self.kafka.views[number].append(self)

    async def wait_read(self) -> None:
        while self.kafka.unled & {*self.partitions} or self.kafka.blocks in self.topics:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    async def wait_failed(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self.kafka.stopped.append(self.topics)

    def ages(self) -> dict[tuple[str, int], float]:
        return {(topic, number): 0.1 for topic in self.topics for number in self.partitions}


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    made = Kafka()
    monkeypatch.setattr(Layout, "leaders", made.leaders)
    monkeypatch.setattr(lookback, "starts", made.starts)
    monkeypatch.setattr(DeskReader, "_learn_leaders", lambda _: None)

    def view(_: Any, topics: dict[str, Reading], take: Any, **named: Any) -> View:
        return View(made, topics, take, named.get("partitions"))

    monkeypatch.setattr(reader, "View", view)
    for name, seconds in {"EDGE_START_SECONDS": 0.001, "LOOK_SECONDS": 0.001, "_DEAD_SECONDS": 0.001}.items():
        monkeypatch.setattr(reader, name, seconds)
    monkeypatch.setattr(leaders, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(leaders, "GIVEN_UP_SECONDS", 0.01)
    return made


class Changes:
    """Counts what a reader says."""

    def __init__(self) -> None:
        self.count = 0
        self.live: list[int] = []

    def change(self) -> None:
        self.count += 1


@pytest_asyncio.fixture
async def made(kafka: Kafka) -> Any:
    changes = Changes()
    desk = DeskReader(
        CONNECTION,
        Framing(CONNECTION),
        DeskState(3),
        SiteIndex(),
        changes.change,
        lambda _: None,
        on_live=changes.live.append,
    )
    yield desk, changes
    await desk.stop()


async def until(probe: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not probe():  # noqa: ASYNC110  # nobody sets an event
            await asyncio.sleep(0.001)


async def test_a_desk_begins_without_what_nobody_leads_and_that_joins(kafka: Kafka, made: Any) -> None:
    desk, changes = made
    kafka.unled = {1, 2}
    await desk.start(0)
    assert desk.unread == {1, 2}
    assert kafka.lookbacks == [[0]]
    assert all(partitions == [0] for topics, partitions in kafka.began if topics != ("dead-letters",))
    desk._began_at -= STALE_SECONDS
    assert [age > STALE_SECONDS for age in desk.ages()] == [False, True, True]
    for ask in (desk.to_the_end, desk.answers_to_the_end, desk.said_to_the_end):
        with pytest.raises(NotReadError):
            await ask(1)
    with pytest.raises(UnconfirmedError):
        desk.check_read(1)
    desk.check_read(0)
    kafka.blocks = "claims"  # the last of all
    kafka.unled = {2}
    await until(lambda: kafka.began[-1][1] == [1] and "claims" in kafka.began[-1][0])
    assert desk.unread == {1, 2}, "its past is being read"
    assert desk.age(1) > STALE_SECONDS
    kafka.blocks = None
    await until(lambda: desk.unread == {2})
    assert (changes.count, desk.age(1)) == (1, 0.1)
    kafka.unled = set()
    await until(lambda: not desk.unread)
    assert kafka.lookbacks == [[0], [1], [2]]
    of_each = [[view.topics for view in kafka.views[number] if view.topics != ("dead-letters",)] for number in ALL]
    assert of_each[0] == of_each[1] == of_each[2], "each is read as at a start"


async def test_partitions_that_come_back_together_are_read_together(kafka: Kafka, made: Any) -> None:
    desk, _ = made
    kafka.unled = {0, 1}
    await desk.start(0)
    kafka.unled = set()
    await until(lambda: not desk.unread)
    assert kafka.lookbacks == [[2], [0, 1]]


async def test_all_are_waited_for_while_nobody_says_who_leads_or_nobody_does(kafka: Kafka, made: Any) -> None:
    desk, _ = made
    kafka.error = KafkaException(KafkaError(KafkaError._TRANSPORT))
    starting = asyncio.create_task(desk.start(0))
    await until(lambda: kafka.looks > 20)
    kafka.unled, kafka.error = {*ALL}, None
    before = kafka.looks
    await until(lambda: kafka.looks > before + 20)
    assert not kafka.began
    kafka.unled = set()
    await starting
    assert (desk.unread, kafka.lookbacks) == (frozenset(), [[0, 1, 2]])


async def test_a_partition_that_loses_its_leader_amid_the_start_is_left_out(kafka: Kafka, made: Any) -> None:
    desk, _ = made
    kafka.blocks = "sites"
    starting = asyncio.create_task(desk.start(0))
    await until(lambda: kafka.began)
    kafka.unled = {1}
    await until(lambda: kafka.stopped)
    kafka.blocks = None
    await starting
    assert [partitions for topics, partitions in kafka.began if topics == ("sites",)] == [[0, 1, 2], [0, 2]]
    assert (desk.unread, kafka.stopped) == ({1}, [("sites",)])


async def test_topics_that_differ_end_a_desk(kafka: Kafka, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _ = made
    kafka.unled = {1}
    await desk.start(0)
    kafka.error = TopicsDifferError("a broker that comes back knows of none yet")
    before = kafka.looks
    await until(lambda: kafka.looks > before + 5)
    assert desk.failure is None
    kafka.error = None

    def differ(*_: Any, **__: Any) -> Any:
        raise TopicsDifferError("there is no topic")

    monkeypatch.setattr(lookback, "starts", differ)
    kafka.unled = set()
    await until(lambda: desk.failure is not None)
    assert isinstance(desk.failure, TopicsDifferError)


async def test_who_is_given_up(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(leaders, "GIVEN_UP_SECONDS", 15)
    monkeypatch.setattr(leaders, "time", SimpleNamespace(monotonic=lambda: now))
    looking = Leaders(CONNECTION, ("sites", "calls"))
    away = KafkaException(KafkaError(KafkaError._TRANSPORT))
    told = []
    for passed, unled, error in (
        (0, {0, 1}, None),
        (10, {0}, None),
        (4, {0, 1}, away),  # a broker that hangs was asked: nothing is known
        (4, {0, 1}, None),
        (60, {0, 1}, away),
        (1, {0, 1}, None),  # all was away, so all begins again
        (14, {0, 1}, None),
        (1, {0, 1}, None),
    ):
        now += passed
        kafka.unled, kafka.error = unled, error
        await looking.look()
        told.append(({*looking.led}, {*looking.given_up}))
    assert told == [
        ({2}, set()), ({1, 2}, set()), (set(), set()), ({2}, {0}),
        (set(), {0}), ({2}, set()), ({2}, set()), ({2}, {0, 1}),
    ]  # fmt: skip
    looking.close()
    await looking.look()


async def test_the_work_of_a_partition_is_listed_once_all_of_it_is_read(kafka: Kafka, made: Any) -> None:
    desk, changes = made
    scene = Scene(1)
    scene.site("S1")
    scene.alert(0, "INTRUSION", "A1", "S1")
    scene.result(1, f"{scene.incident_id}-c1.1", "NO_ANSWER")
    kafka.unled = {1}
    heard: list[tuple[str, Any]] = []
    state = desk._state
    work = WorkList(state, lambda name, value: heard.append((name, value)))
    await desk.start(0)
    kafka.blocks = "claims"
    kafka.unled = set()
    await until(lambda: "claims" in kafka.began[-1][0] and kafka.began[-1][1] == [1])

    def hand_on(topics: Sequence[str], records: Any) -> None:
        (view,) = [one for one in kafka.views[1] if set(topics) <= {*one.topics}]
        for place, data in records:
            if place.topic in view.topics:
                value = (read(place.topic)(data), data)
                view.take([Entry(place.topic, 1, place.offset, place.timestamp, "S1", value)])

    hand_on(["decisions"], scene.records)
    hand_on(["calls", "call-results"], scene.records)
    work.update(T0 + 2000)
    assert (heard, work.items, changes.count, changes.live) == ([], {}, 0, [])
    assert state.is_listed
    kafka.blocks = None
    await until(lambda: not desk.unread)
    work.update(T0 + 2000)
    assert [name for name, _ in heard] == ["work", "incident"]
    assert [*work.items] == [f"{scene.incident_id}-c1.2"]
    before = len(scene.records)
    scene.result(3, f"{scene.incident_id}-c1.2", "NO_ANSWER")
    hand_on(["calls", "call-results"], scene.records[before:])
    assert changes.count > 1
    assert changes.live
    assert state.dirty


async def test_what_others_changed_meanwhile_is_not_lost(desk: MemoryDesk) -> None:
    desk.state.dirty, desk.state.moved = {"theirs"}, {"their incident"}
    unlisted = Unlisted(desk.state)
    with unlisted.taking():
        desk.state.dirty.add("late")
        desk.state.moved.add("late incident")
    assert (desk.state.dirty, desk.state.moved) == ({"theirs"}, {"their incident"})
    unlisted.list()
    assert (desk.state.dirty, desk.state.moved) == ({"theirs", "late"}, {"their incident", "late incident"})


async def test_nothing_is_said_of_homes_that_are_unread(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    desk.reader.unread = frozenset({0})
    nobody = "0000-c1.1"
    for answer in (
        await floor.ann.take(nobody),
        await floor.ann.word(nobody, WORD),
        await floor.ann.result(nobody, "NO_ANSWER"),
        await floor.ann.http.get("/v1/incidents/0000"),
        await floor.ann.http.post("/v1/sites/nobody/callbacks", json={"key": "k"}),
        await floor.ann.word(command, WORD),
        await floor.ann.result(command, "NO_ANSWER"),
    ):
        assert (answer.status_code, code(answer)) == (503, "UNCONFIRMED")
    desk.reader.unread = frozenset({1})
    assert (await floor.ann.word(command, WORD)).json()["right"] is True
    assert (await floor.ann.result(command, "IDENTIFIED", "NORMAL")).status_code == 202
    assert code(await floor.bob.http.post("/v1/work/next")) == "STALE"
    desk.reader.unread = frozenset()
    assert (await floor.bob.http.post("/v1/work/next")).status_code == 204
    assert code(await floor.ann.word(nobody, WORD)) == "NOT_FOUND"
