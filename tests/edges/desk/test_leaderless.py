"""Two brokers, each record on one of them: one hangs, and its partitions have no leader. The others' work goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import confluent_kafka.admin
import pytest

from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from schemas.contract import murmur2
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import SettingsFile
from tests.edges.desk.floor import (
    ANSWERED_SECONDS,
    PARTITIONS,
    WORD,
    DeskProcess,
    OperatorClient,
    code,
    contacts,
    now,
    people,
    stream,
)
from tests.kafka.world import World
from tests.machine import stretched
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

HANGS: Final = PARTITIONS - 1  # the partition that is on the second broker alone
SOON_SECONDS: Final = 1.5


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Kafka, Kafka]]:
    """A node that is the controller, too, and one that is a broker only."""
    controller, ports = free_port(), (free_port(), free_port())
    quorum = {"controller.quorum.voters": f"1@{HOST}:{controller}"}
    listeners = [f"PLAINTEXT://{HOST}:{port}" for port in ports]
    first = Kafka(
        tmp_path / "node1",
        port=ports[0],
        extra_properties={**quorum, "listeners": f"{listeners[0]},CONTROLLER://{HOST}:{controller}"},
    )
    second = Kafka(
        tmp_path / "node2",
        port=ports[1],
        extra_properties={
            **quorum,
            "process.roles": "broker",
            "node.id": "2",
            "listeners": listeners[1],
            "advertised.listeners": listeners[1],
        },
    )
    with ExitStack() as stack:
        for node in (first, second):
            stack.callback(node.stop)
            node.start()
        stack.callback(second.resume)
        yield first, second


def site_of(partition: int, skip: int = 0) -> str:
    """A site's id on a partition."""
    ids = (f"S{number}" for number in range(1000))
    return [site for site in ids if murmur2.partition(site.encode(), PARTITIONS) == partition][skip]


@pytest.fixture
def hands(
    nodes: tuple[Kafka, Kafka],
    settings_file: SettingsFile,
    tmp_path: Path,
    client_log: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[World, Callable[[str], DeskProcess]]]:
    """The topics with an engine, and what starts a desk on them."""
    placed = [[1]] * (PARTITIONS - 1) + [[2]]
    new_topic: Any = confluent_kafka.admin.NewTopic  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(
            confluent_kafka.admin,
            "NewTopic",
            lambda name, num_partitions, config, **_: new_topic(
                name, num_partitions, replica_assignment=placed, config=config
            ),
        )
        kafka: dict[str, Any] = {"kafka": {"bootstrap.servers": nodes[0].bootstrap_servers}}
        path = settings_file(topics={"partitions": PARTITIONS}, worker={"catch_up_seconds": 1}, **kafka)
        made = load(path, {})
        create(made)
    people(tmp_path, ann="operator", bob="operator")
    with ExitStack() as stack:
        world = World(made, client_log)
        stack.callback(world.close)
        engine = RondeProcess("worker", ["worker", "--settings", path], path.with_suffix(".log"))
        stack.callback(engine.kill)
        engine.start()

        def start(name: str) -> DeskProcess:
            desk = DeskProcess(name, settings_file, tmp_path, **kafka)
            stack.callback(desk.close)
            desk.start()
            return desk

        engine.wait_ready()
        yield world, start


def calls_of(world: World, ann: OperatorClient) -> dict[str, str]:
    """Two calls on the partition that hangs later, and two on another one, by site."""
    calls = {}
    for site in (site_of(HANGS), site_of(HANGS, 1), site_of(0), site_of(0, 1)):
        world.site(site, contacts=contacts(site))
        world.wait_for(site, "readiness")
        world.alert(site, f"A-{site}")
        calls[site] = ann.wait_call(site)["subject"]
    return calls


@pytest.mark.soak
def test_one_partition_without_a_leader(
    nodes: tuple[Kafka, Kafka], hands: tuple[World, Callable[[str], DeskProcess]]
) -> None:
    second = nodes[1]
    world, start = hands
    desk = start("desk-1")
    ann, bob = desk.operator("ann"), desk.operator("bob")
    behind, waits, well, free = calls_of(world, ann).values()
    for subject in (behind, well):
        assert ann.take(subject).status_code == 200
        assert ann.word(subject, WORD).json()["right"] is True
    second.pause()
    eventually(lambda: not desk.is_ready(), "the desk says that it is behind")
    assert code(ann.take(waits)) == "STALE"
    act = {"reason": "r", "key": "k", "seen_version": 9, "at": now()}
    assert code(ann.post(f"/v1/incidents/{behind.partition('-')[0]}/close", act)) == "STALE"
    assert code(ann.post(f"/v1/sites/{site_of(HANGS)}/dispatch", act)) == "STALE"
    say = partial(ann.result, outcome="IDENTIFIED", situation="NORMAL")
    for ask in (partial(say, behind), partial(ann.word, behind, WORD)):
        began = time.monotonic()
        assert code(ask()) == "UNCONFIRMED"
        assert time.monotonic() - began < stretched(ANSWERED_SECONDS)
    began = time.monotonic()
    assert code(bob.word(well, WORD)) == "HELD"
    assert ann.word(well, WORD).json()["right"] is True
    assert say(well).status_code == 202
    assert bob.take(free).status_code == 200
    assert time.monotonic() - began < stretched(SOON_SECONDS)
    second.resume()
    desk.wait_ready()
    assert say(behind).status_code == 202
    world.wait_for(site_of(HANGS), "decisions", phase_to="CLOSED")
    assert ann.take(waits).status_code == 200


@pytest.mark.soak
def test_a_desk_that_starts_while_one_partition_has_no_leader(
    nodes: tuple[Kafka, Kafka], hands: tuple[World, Callable[[str], DeskProcess]]
) -> None:
    second = nodes[1]
    world, start = hands
    earlier = start("desk-1")
    ann, bob = earlier.operator("ann"), earlier.operator("bob")
    behind, waits, well, free = calls_of(world, ann).values()
    for subject in (behind, well):
        assert ann.take(subject).status_code == 200
        assert ann.word(subject, WORD).json()["right"] is True
    second.pause()
    desk = start("desk-2")
    ann, bob = desk.operator("ann"), desk.operator("bob")
    assert desk.field("desk listens", "unread") == str([HANGS])
    assert str(HANGS) in desk.reasons()["view"]
    assert {item["subject"] for item in ann.work()} == {well, free}
    act = {"reason": "r", "key": "k", "seen_version": 9, "at": now()}
    say = partial(ann.result, outcome="IDENTIFIED", situation="NORMAL")
    for answer in (
        ann.take(waits),
        ann.word(behind, WORD),
        say(behind),
        ann.post(f"/v1/incidents/{behind.partition('-')[0]}/close", act),
        ann.post(f"/v1/sites/{site_of(HANGS)}/dispatch", act),
    ):
        assert (answer.status_code, code(answer)) == (503, "UNCONFIRMED")
    assert say(well).status_code == 202
    assert bob.take(free).status_code == 200
    assert code(ann.post("/v1/work/next")) == "STALE"
    assert ann.http.get("/v1/find", params={"q": site_of(HANGS)}).status_code == 503
    address, events = desk.wait_listening(), stream(ann)
    last_id, _, _ = next(events)
    second.resume()
    assert [*events], "they end with the desk that had left a partition out"
    desk.wait_ready()
    assert desk.field("the desk starts again", "partitions") == str([HANGS])
    assert (desk.wait_listening(), desk.field("desk listens", "unread")) == (address, "[]")
    assert next(stream(ann, last_id))[1] == "reset"
    assert say(behind).status_code == 202
    world.wait_for(site_of(HANGS), "decisions", phase_to="CLOSED")

    def taken() -> str | None:
        """The call that waited, or the one that followed it."""
        calls = [item["subject"] for item in ann.work() if item["site_id"] == site_of(HANGS, 1)]
        return next((call for call in calls if ann.take(call).status_code == 200), None)

    assert ann.word(eventually(taken, "she takes what waited"), WORD).json()["right"] is True
