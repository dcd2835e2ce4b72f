"""A desk that began without partitions that nobody led: what it says of their homes, and when it begins again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast
from unittest.mock import AsyncMock, Mock

import httpx
import pytest
import pytest_asyncio
from confluent_kafka import KafkaError, KafkaException

from edges.desk import leaders, process, reader, run
from edges.desk.leaders import Leaders
from edges.desk.process import DeskProcess
from edges.desk.reader import STALE_SECONDS, DeskReader, LeaderLostError, NotReadError
from edges.desk.run import DeskRun
from edges.desk.settings import DeskConfiguration, DeskSettings
from edges.desk.site_index import SiteIndex
from edges.desk.state import DeskState
from edges.kafka import lookback
from edges.kafka.errors import TopicsDifferError, UnconfirmedError
from edges.kafka.framing import Framing
from edges.kafka.layout import Layout
from edges.kafka.view import Reading
from edges.settings import Connection
from edges.web.back_off import ACCOUNT_FAILURES
from edges.web.sessions import SHORTEST_KEY
from edges.web.settings import WebSettings
from schemas.avro.errors import RegistryUnreachable
from tests.edges.desk.floor import PASSWORD, WORD, code, people
from tests.edges.desk.memory import ORIGIN, Floor, MemoryDesk, called
from tests.support.waiting import until

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
    yield desk, changes, Leaders(CONNECTION, ("sites", "calls"))
    await desk.stop()


async def test_a_desk_begins_without_what_nobody_leads(kafka: Kafka, made: Any) -> None:
    desk, _, leaders = made
    kafka.unled = {1, 2}
    await desk.start(0, leaders)
    assert desk.unread == {1, 2}
    assert kafka.lookbacks == [[0]]
    assert all(partitions == [0] for _, partitions in kafka.began)
    assert [age > STALE_SECONDS for age in desk.ages()] == [False, True, True]
    for ask in (desk.to_the_end, desk.answers_to_the_end, desk.said_to_the_end):
        with pytest.raises(NotReadError):
            await ask(1)


async def test_dead_letters_of_what_nobody_leads_are_not_waited_for(
    kafka: Kafka, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, _, leaders = made
    monkeypatch.setattr(reader, "_DEAD_SECONDS", 2 * PATIENCE)
    kafka.unled = {1}
    async with asyncio.timeout(PATIENCE):
        await desk.start(0, leaders)


async def test_all_are_waited_for_while_nobody_says_who_leads_or_nobody_does(kafka: Kafka, made: Any) -> None:
    desk, _, leaders = made
    kafka.error = KafkaException(KafkaError(KafkaError._TRANSPORT))
    starting = asyncio.create_task(desk.start(0, leaders))
    await until(lambda: kafka.looks > 20)
    kafka.unled, kafka.error = {*ALL}, None
    before = kafka.looks
    await until(lambda: kafka.looks > before + 20)
    assert not kafka.began
    kafka.unled = set()
    await starting
    assert (desk.unread, kafka.lookbacks) == (frozenset(), [[0, 1, 2]])


@pytest.mark.parametrize("topic", ["sites", "decisions", "calls", "claims"])
async def test_a_start_that_loses_a_leader_does_not_wait_for_it(kafka: Kafka, made: Any, topic: str) -> None:
    desk, _, leaders = made
    kafka.blocks = topic
    starting = asyncio.create_task(desk.start(0, leaders))
    await until(lambda: any(topic in topics for topics, _ in kafka.began))
    kafka.error = TopicsDifferError("a broker that comes back knows of none yet")
    before = kafka.looks
    await until(lambda: kafka.looks > before + 5)
    kafka.unled, kafka.error = {1}, None
    with pytest.raises(LeaderLostError):
        await starting
    assert await leaders.wait() == {0, 2}


async def test_a_registry_that_is_away_is_waited_for(kafka: Kafka, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _, leaders = made
    answers = iter([RegistryUnreachable(), None])

    def starts(*_: Any, **__: Any) -> Any:
        if (error := next(answers)) is not None:
            raise error
        return {}

    monkeypatch.setattr(lookback, "starts", starts)
    await desk.start(0, leaders)
    assert not desk.unread


async def test_topics_that_differ_end_a_start(kafka: Kafka, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _, leaders = made

    def differ(*_: Any, **__: Any) -> Any:
        raise TopicsDifferError("there is no topic")

    monkeypatch.setattr(lookback, "starts", differ)
    with pytest.raises(TopicsDifferError):
        await desk.start(0, leaders)


class Begun(DeskProcess):
    """Begins again until the third time; notes what it knew."""

    def __init__(self) -> None:
        self.knew: list[tuple[Any, ...]] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.over = asyncio.Event()
        super().__init__(DeskConfiguration(DeskSettings(port=0), cast("WebSettings", None), CONNECTION, 0))

    async def _work_once(self) -> None:
        assert all(task.cancelled() for task in self.tasks), "what it began ends with it"
        self.tasks.append(asyncio.create_task(asyncio.Event().wait()))
        await asyncio.sleep(0)
        made = self._new_run(Mock(), {})
        self.knew.append((made.state, made.sites, made._work, made._clock, made.channel, made.reader))
        await made.fetchers.stop()
        await made.reader.stop()
        if len(self.knew) == 3:
            self.over.set()
            await asyncio.Event().wait()


async def test_a_desk_that_begins_again_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "gc_control", Mock())
    made = Begun()
    shared = made._metrics, made._readiness, made._leaders
    serving = asyncio.create_task(made._serve())
    async with asyncio.timeout(PATIENCE):
        await made.over.wait()
    assert len({id(part) for parts in made.knew for part in parts}) == 3 * len(made.knew[0])
    assert (made._metrics, made._readiness, made._leaders) == shared
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


@pytest.mark.slow
@pytest.mark.usefixtures("waits_last")
@pytest.mark.parametrize("key", [None, "k" * SHORTEST_KEY])
async def test_who_signed_in_and_out_is_known_to_a_desk_that_begins_again(tmp_path: Path, key: str | None) -> None:
    people(tmp_path, ann="operator", bob="operator")
    web = WebSettings(tokens_file=tmp_path / "tokens", users_file=tmp_path / "users.json", session_key=key)
    made = DeskProcess(DeskConfiguration(DeskSettings(port=0), web, CONNECTION, 0))

    @asynccontextmanager
    async def begun() -> AsyncIterator[httpx.AsyncClient]:
        begins = made._new_run(Mock(), {})
        transport = httpx.ASGITransport(begins.application(made._sign_in, Mock(), None))
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
            yield client
        await begins.fetchers.stop()
        await begins.reader.stop()

    async def fail(client: httpx.AsyncClient) -> int:
        return (await client.post("/v1/session", json={"name": "bob", "password": "wrong"})).status_code

    async with begun() as client:
        copy = (await client.post("/v1/session", json={"name": "ann", "password": PASSWORD})).cookies
        assert (await client.delete("/v1/session")).status_code == 204
        ann = (await client.post("/v1/session", json={"name": "ann", "password": PASSWORD})).cookies
        assert [await fail(client) for _ in range(ACCOUNT_FAILURES)] == [401] * ACCOUNT_FAILURES
    async with begun() as client:
        assert await fail(client) == 429
        for cookies, status in ((ann, 200), (copy, 401)):
            client.cookies = cookies
            assert (await client.get("/v1/session")).status_code == status


async def test_a_desk_ends_its_work_once_its_partitions_are_back(monkeypatch: pytest.MonkeyPatch, kafka: Kafka) -> None:
    made = DeskProcess(DeskConfiguration(DeskSettings(port=0), cast("WebSettings", None), CONNECTION, 0))
    looks = made._new_run(Mock(unconfirmed=0), {})
    monkeypatch.setattr(run, "_TICK_SECONDS", 0.001)
    made._leaders._steady_seconds = 0.0
    monkeypatch.setattr(leaders, "SPREAD_SECONDS", 0.0)
    kafka.unled = {1}
    await looks.reader.start(0, made._leaders)
    looks._reserved, looks._own = Mock(), AsyncMock()
    looking = asyncio.create_task(looks.look())
    await until(lambda: made._readiness.reasons.get("view", "").endswith(": 1"))
    kafka.unled = set()
    async with asyncio.timeout(PATIENCE):
        await looking
    await looks.fetchers.stop()
    await looks.reader.stop()


async def test_a_clock_that_cannot_be_asked_for_is_asked_for_seldom(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    async def send(**values: Any) -> None:
        sent.append(values)
        raise UnconfirmedError

    monkeypatch.setattr(desk.own.writer, "send", send)
    desk.reader.age_seconds = STALE_SECONDS + 1
    await desk.own.measure_clock("desk-1")
    assert not sent, "it would be written later"
    desk.reader.age_seconds = 0
    made = SimpleNamespace(
        _clock=desk.clock,
        _work=desk.work,
        _own=desk.own,
        _settings=DeskSettings(id="desk-1"),
        _measuring=None,
    )
    made._measure_clock = partial(DeskRun._measure_clock, cast("DeskRun", made))
    for _ in range(20):
        DeskRun._ask_the_time(cast("DeskRun", made))
        await asyncio.sleep(0)
    assert len(sent) == 1
    made._measuring.cancel()


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Some homes cannot be read now"), ("fr", "Certains logements sont illisibles")]
)
async def test_a_page_that_found_something_says_what_it_did_not_search(
    desk: MemoryDesk, floor: Floor, language: str, said: str
) -> None:
    async def page() -> str:
        return (await floor.ann.http.get("/find?q=S1", headers={"accept-language": language})).text

    assert said not in await page()
    desk.reader.unread = frozenset({1})
    shown = await page()
    assert said in shown
    assert 'href="/sites/S1"' in shown
    assert said not in (await floor.ann.http.get("/find", headers={"accept-language": language})).text


async def test_nothing_is_said_of_homes_that_are_unread(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    desk.reader.unread = frozenset({1})
    nobody = "0000-c1.1"
    for answer in (
        await floor.ann.take(nobody),
        await floor.ann.word(nobody, WORD),
        await floor.ann.result(nobody, "NO_ANSWER"),
        await floor.ann.http.get("/v1/incidents/0000"),
        await floor.ann.http.post("/v1/sites/nobody/callbacks", json={"key": "k"}),
        await floor.ann.http.get("/v1/find", params={"q": "nobody"}),
    ):
        assert (answer.status_code, code(answer)) == (503, "UNCONFIRMED")
    for page in (f"/work/{nobody}", "/find?q=nobody", "/sites/nobody"):
        assert (await floor.ann.http.get(page)).status_code == 503, page
    assert (await floor.ann.http.get("/v1/find", params={"q": "S1"})).json()["sites"]
    assert (await floor.ann.word(command, WORD)).json()["right"] is True
    assert (await floor.ann.result(command, "IDENTIFIED", "NORMAL")).status_code == 202
    assert code(await floor.bob.http.post("/v1/work/next")) == "STALE"
    desk.reader.unread = frozenset()
    assert (await floor.bob.http.post("/v1/work/next")).status_code == 204
    assert code(await floor.ann.word(nobody, WORD)) == "NOT_FOUND"
    assert (await floor.ann.http.get("/v1/find", params={"q": "nobody"})).json() == {"incidents": [], "sites": []}
    assert (await floor.ann.http.get(f"/work/{nobody}")).status_code == 303
