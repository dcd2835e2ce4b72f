"""The relay: what the database says last is what `sites` says last, never an older record after a newer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException

from edges.database.postgres import opened, pool
from edges.kafka.framing import Framing
from edges.portal import changes
from edges.portal.core import Contact
from edges.portal.outbox import backlog
from edges.portal.relay import Relay, RelaySettings
from edges.portal.store import Store
from edges.settings import Connection
from schemas.avro.errors import RegistryUnreachable
from service.postgres_settings import PostgresSettings
from tests.edges.portal.checker import check, published
from tests.edges.portal.test_store import edit, imported, new
from tests.support.waiting import eventually


@pytest.fixture
def relay(connection: Connection, schema: PostgresSettings) -> Iterator[Callable[..., Relay]]:
    """Start a relay in this process, under a name; it may reach Kafka, or the registry, otherwise than others do."""
    started: list[Relay] = []

    def start(owner: str, reached: Connection = connection, encode: Callable[[], Any] | None = None) -> Relay:
        framing = Framing(connection)
        writers = {topic: framing.writer(topic) for topic in ("sites", "transmitters")}
        made = Relay(RelaySettings(owner, reached, schema), encode or (lambda: writers))
        made.start()
        started.append(made)
        return made

    yield start
    for one in started:
        one.stop()


def write(
    schema: PostgresSettings, *steps: Callable[[Store], Any], on_change: Callable[[], None] = lambda: None
) -> None:
    async def run() -> None:
        async with opened(pool(schema, "test")) as connections:
            store = Store(connections, on_change)
            for step in steps:
                await step(store)

    asyncio.run(run())


def wait_passed_on(rows: psycopg.Connection[Any]) -> None:
    eventually(lambda: backlog(rows)[0] == 0, "everything is passed on")


def test_each_site_arrives_as_the_database_has_it(
    relay: Callable[[str], Relay], connection: Connection, schema: PostgresSettings, rows: psycopg.Connection[Any]
) -> None:
    write(
        schema,
        lambda store: store.load_sites([imported(f"S{n}") for n in range(40)], edit("import")),
        lambda store: store.create(new("N1"), edit("site")),
        lambda store: store.delete("S3", 1, edit("deletion")),
    )
    relay("a")
    wait_passed_on(rows)
    assert check(connection, rows) == 41
    records = {record.key: record.value for record in published(connection)}
    assert records["S3"] is None
    assert (records["N1"] or {})["intervention"] == {"enabled": True, "partners": ["P1"]}


def test_a_change_is_on_the_topic_within_a_second(
    relay: Callable[[str], Relay], connection: Connection, schema: PostgresSettings, rows: psycopg.Connection[Any]
) -> None:
    running = relay("a")
    write(schema, lambda store: store.create(new(), edit("site")))
    wait_passed_on(rows)

    async def flip(store: Store) -> None:
        for revision in range(1, 11):
            began = time.monotonic()
            await store.change(
                "S1", revision, edit("subscription"), lambda site: changes.with_subscription(site, subscribed=True)
            )
            while (await store.site("S1")).published_at is None:  # type: ignore[union-attr] # noqa: ASYNC110 - Kafka is outside
                await asyncio.sleep(0.01)
            took.append(time.monotonic() - began)

    took: list[float] = []
    write(schema, flip, on_change=running.call)
    assert sorted(took)[len(took) // 2] < 1.0, took
    check(connection, rows)


def test_who_stands_still_amid_a_change_keeps_no_other_site_back(
    relay: Callable[[str], Relay], connection: Connection, schema: PostgresSettings, rows: psycopg.Connection[Any]
) -> None:
    def said_of(site_id: str) -> list[str | None]:
        return [(record.value or {})["instructions"] for record in published(connection) if record.key == site_id]

    write(schema, lambda store: store.load_sites([imported(f"S{n}") for n in range(2)], edit("import")))
    with rows.transaction():
        rows.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        rows.execute("SELECT FROM portal.sites WHERE site_id = 'S0' FOR UPDATE")
        relay("a")
        eventually(lambda: said_of("S0") and said_of("S1"), "both are there")
        with_new = partial(changes.with_instructions, instructions="new")
        write(schema, lambda store: store.change("S1", 1, edit("instructions"), with_new))
        eventually(lambda: said_of("S1")[-1] == "new", "the other's change is there")
    wait_passed_on(rows)
    check(connection, rows)


def test_two_relays_take_turns_and_keep_the_order(
    relay: Callable[[str], Relay], connection: Connection, schema: PostgresSettings, rows: psycopg.Connection[Any]
) -> None:
    first, _second = relay("a"), relay("b")
    write(schema, lambda store: store.load_sites([imported()], edit("import")))

    async def change(store: Store) -> None:
        for revision in range(1, 31):
            await store.change("S1", revision, edit("subscription"), lambda site: site)
            if revision == 10:
                await asyncio.to_thread(first.stop)

    write(schema, change)
    wait_passed_on(rows)
    check(connection, rows)
    [(owner,)] = rows.execute("SELECT owner FROM portal.relay").fetchall()
    assert owner == "b"


@pytest.mark.parametrize("away", ["kafka", "registry"])
def test_who_reaches_no_kafka_leaves_the_work_to_another(
    away: str,
    relay: Callable[..., Relay],
    connection: Connection,
    schema: PostgresSettings,
    rows: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One portal's network, or its password, is no reason for the others to publish nothing."""
    monkeypatch.setattr("edges.portal.relay._FAILING_SECONDS", 0.3)
    if away == "kafka":
        relay("a", replace(connection, producer={**connection.producer, "bootstrap.servers": "127.0.0.1:1"}))
    else:
        relay("a", encode=Mock(side_effect=RegistryUnreachable("the schema registry does not answer")))

    def owner() -> Any:
        return rows.execute("SELECT owner FROM portal.relay").fetchone()

    eventually(lambda: owner() == ("a",), "the first takes the lease")
    write(schema, lambda store: store.load_sites([imported()], edit("import")))
    relay("b")
    wait_passed_on(rows)
    check(connection, rows)


def test_a_portal_without_another_goes_on_soon(
    relay: Callable[..., Relay], schema: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves the lease for as long as another needs to take it, and no longer."""
    monkeypatch.setattr("edges.portal.relay._FAILING_SECONDS", 0.3)
    tried: list[float] = []

    def encode() -> Any:
        tried.append(time.monotonic())
        raise RegistryUnreachable("the schema registry does not answer")

    relay("a", encode=encode)
    eventually(lambda: len(tried) >= 4, "it tries again")
    assert max(later - earlier for earlier, later in pairwise(tried)) < 2.0


def test_a_commit_may_take_as_long_as_its_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given up sooner, it would be begun again, and under the same load never be made."""
    clock = Mock()
    clock.monotonic.return_value = 0.0
    monkeypatch.setattr("edges.portal.relay.time", clock)
    waiting = Relay(Mock(), dict)
    monkeypatch.setattr(waiting, "_renew", lambda _database: True)

    def commit() -> None:
        clock.monotonic.return_value += 1.0
        if clock.monotonic.return_value < ends:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, retriable=True))

    ends = 9.0
    waiting._patiently(Mock(), commit)
    waiting._failing_since, clock.monotonic.return_value, ends = None, 0.0, 30.0
    with pytest.raises(KafkaException):
        waiting._patiently(Mock(), commit)
    assert clock.monotonic.return_value <= 12.0


def test_a_record_that_kafka_does_not_take_holds_no_other_up(
    relay: Callable[[str], Relay], connection: Connection, schema: PostgresSettings, rows: psycopg.Connection[Any]
) -> None:
    crowd = tuple(Contact(f"x{number}", "EXTERNAL", "Zoe" * 60, "Roy" * 60) for number in range(3_000))
    write(
        schema,
        lambda store: store.load_sites([imported("S1", contacts=crowd), imported("S2")], edit("import")),
        lambda store: store.create(new("S3"), edit("site")),
    )
    relay("a")
    eventually(lambda: backlog(rows)[0] == 1, "the others are passed on")
    assert {record.key for record in published(connection)} == {"S2", "S3"}
    write(schema, lambda store: store.load_sites([imported("S1")], edit("import")))
    wait_passed_on(rows)
    check(connection, rows)
