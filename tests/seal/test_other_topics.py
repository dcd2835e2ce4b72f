"""A topic that was made again or has lost records is sealed no further; a leaderless partition holds up no other."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ronde.shared.whole_settings import WholeSettings
from schemas.contract.topics import Log
from seal.commitments import SEALED
from seal.errors import AwayError, SealError
from seal.sealing import Sealing
from seal.store import Store, TreeState, connect, make_schema
from service.topic_admin import UnansweredError, UnusableError
from streams.kafka.topics import create
from tests.seal.test_progress import END, LOG, Client, Clock, client, clock, message, run, sealer
from tests.seal.test_seal import seal_once
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

__all__ = ["client", "clock", "sealer"]

HOUR_MS = 3_600_000


def put(settings: WholeSettings, count: int, log: logging.Logger) -> None:
    producer = Producer(settings.client("producer"), logger=log)
    for _ in range(count):
        producer.produce(settings.topic("alerts"), b"?", b"S1", 0)
    assert producer.flush(10) == 0


@pytest.mark.server
def test_a_topic_made_again_is_refused_at_work_and_at_each_start_though_it_is_longer(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, tmp_path: Path
) -> None:
    settings, file = house
    alerts = settings.topic("alerts")

    def started() -> RondeProcess:
        process = RondeProcess("seal", ["seal", "--settings", file], tmp_path / "seal.log")
        process.start()
        return process

    def trees() -> Any:
        with connect(settings.postgres) as connection:
            return Store(connection).trees()

    put(settings, 5, client_log)
    process = started()
    try:
        process.wait_ready()
        eventually(lambda: trees().get(("alerts", 0)) == TreeState(5, 5), "five alerts are sealed")
        admin = AdminClient(settings.client("admin"), logger=client_log)
        admin.delete_topics([alerts])[alerts].result()
        eventually(lambda: alerts not in admin.list_topics().topics, "the topic gone")
        create(settings)
        put(settings, 3, client_log)
        for _ in range(2):
            assert process.wait() == 1
            said = " ".join(process.said().split())
            assert f"{alerts}: not the topic that was sealed, but one that was made since" in said
            assert "Seal it under another database" in said
            put(settings, 3, client_log)
            process = started()
        assert process.wait() == 1
        assert trees() == {("alerts", 0): TreeState(5, 5)}
    finally:
        process.kill()


class Ids:
    """What a store keeps of the ids of topics, beside its trees."""

    def __init__(self, sealer: Sealing, trees: dict[Log, TreeState]) -> None:
        store: Any = sealer._store
        self.kept: dict[str, str] = {}
        store.trees.return_value = trees
        store.topics.side_effect = lambda: dict(self.kept)
        store.keep_topics.side_effect = self.kept.update


def test_no_head_covers_records_of_a_topic_that_was_made_again(
    client: Client, clock: Clock, sealer: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed: list[float] = []

    def sign(_: Any) -> Any:
        signed.append(clock.now)
        return SimpleNamespace(made_at=clock.wall)

    def pass_an_hour(topic_id: str) -> None:
        clock.wall += HOUR_MS
        client.ids = {LOG[0]: topic_id}

    monkeypatch.setattr(sealer._heads, "sign", sign)
    ids = Ids(sealer, {LOG: TreeState(END, END)})
    client.ids = {LOG[0]: "first"}
    with pytest.raises(SealError, match=r"^decisions: not the topic that was sealed, but one that was made since"):
        run(sealer, clock, {100: lambda: pass_an_hour("first"), 200: lambda: pass_an_hour("second")}, 1000)
    assert (len(signed), ids.kept) == (1, {LOG[0]: "first"})
    assert clock.now - 1000 < 210


def test_a_topic_of_which_nothing_was_sealed_may_be_made_again(client: Client, sealer: Sealing) -> None:
    ids = Ids(sealer, {})
    for topic_id in ("first", "second"):
        client.ids = {LOG[0]: topic_id}
        sealer._assign()
        assert ids.kept == {}, "an id is kept once something is sealed"


def test_a_topic_that_is_made_again_before_its_first_leaf_is_begun_again_and_kept_by_its_new_id(
    client: Client, clock: Clock, sealer: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read may be of either: none of it is sealed."""
    parts = SimpleNamespace(place=SimpleNamespace(topic=LOG[0], partition=LOG[1]), owners=())
    monkeypatch.setattr(sealer, "_commitments", Mock(parts=lambda _: parts))
    ids = Ids(sealer, {})
    store: Any = sealer._store
    kept: list[dict[str, str]] = []

    def append(*_: Any) -> dict[Log, TreeState]:
        kept.append(dict(ids.kept))
        return {LOG: TreeState(1, END)}

    def read() -> None:
        client.to_say = [message(LOG[0], END - 1)]

    def make_again() -> None:
        read()
        client.ids = {LOG[0]: "second"}

    store.append.side_effect = append
    client.ids = {LOG[0]: "first"}
    assert run(sealer, clock, {20: make_again}, 40)[-1] == -2
    assert (kept, ids.kept) == ([], {})
    began = clock.now - 1000
    run(sealer, clock, {int(began) + 10: read, int(began) + 20: read}, int(began) + 40)
    assert kept == [{LOG[0]: "second"}] * 2, "kept before the first leaf"


def test_what_another_process_seals_while_ids_are_asked_for_keeps_the_id_that_it_has(
    client: Client, sealer: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees: dict[Log, TreeState] = {}
    ids = Ids(sealer, trees)

    def ask(*_: Any) -> dict[str, str]:
        ids.kept[LOG[0]] = "second"
        trees[LOG] = TreeState(1, 1)
        return {LOG[0]: "first"}

    monkeypatch.setattr("seal.topic_ids.topic_ids", ask)
    sealer._assign()
    assert ids.kept == {LOG[0]: "second"}


@pytest.mark.server
def test_an_empty_topic_that_is_made_again_while_it_is_read_is_sealed_like_any_other(
    house: tuple[WholeSettings, Path], client_log: logging.Logger
) -> None:
    settings, _ = house
    alerts = settings.topic("alerts")
    admin = AdminClient(settings.client("admin"), logger=client_log)
    is_made_again = False
    give_up = time.monotonic() + 60

    def session() -> None:
        with connect(settings.postgres) as connection:
            make_schema(connection)
            store = Store(connection)

            def is_over() -> bool:
                nonlocal is_made_again
                if not is_made_again:
                    is_made_again = True
                    admin.delete_topics([alerts])[alerts].result()
                    eventually(lambda: alerts not in admin.list_topics().topics, "the topic gone")
                    create(settings)
                    put(settings, 1, client_log)
                return time.monotonic() > give_up or ("alerts", 0) in store.trees()

            with contextlib.closing(Sealing(settings.for_seal(), store)) as sealing, contextlib.suppress(AwayError):
                sealing.run(is_over)

    def is_sealed() -> bool:
        session()
        with connect(settings.postgres) as connection:
            return ("alerts", 0) in Store(connection).trees()

    eventually(is_sealed, "the alert of the new topic is sealed")
    assert seal_once(settings).stamp is None, "it is known as the one that was sealed: a head is signed"


@pytest.mark.parametrize(
    ("error", "raised"), [(UnansweredError("away"), AwayError), (UnusableError("never"), SealError)]
)
def test_ids_without_an_answer_are_waited_for_and_not_where_they_cannot_be_asked_for(
    sealer: Sealing, monkeypatch: pytest.MonkeyPatch, client: Client, error: Exception, raised: type[Exception]
) -> None:
    monkeypatch.setattr("seal.topic_ids.topic_ids", Mock(side_effect=error))
    with pytest.raises(SealError, match=str(error)) as found:
        sealer._assign()
    assert type(found.value) is raised


def test_a_log_that_has_lost_records_is_refused_once_its_leader_goes_on_to_say_so(
    client: Client, clock: Clock, sealer: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ids(sealer, {LOG: TreeState(END, END)})
    ends = [END - 2, END - 2, END]

    def bounds(log: TopicPartition, **_: Any) -> tuple[int, int]:
        return 0, END if log.topic != LOG[0] else ends.pop(0) if len(ends) > 1 else ends[0]

    monkeypatch.setattr(client, "get_watermark_offsets", bounds)
    sealer._assign()
    assert 0 < clock.now - 1000 < 5, "who led it before has said so for a moment"
    ends = [END - 2]
    words = (
        r"^decisions, partition 0: it is sealed up to offset 5, and the topic ends at 3: it has lost records\. Seal it"
    )
    with pytest.raises(SealError, match=words):
        sealer._assign()
    assert clock.now - 1000 > 10


def test_the_others_are_read_where_one_partition_has_no_leader(
    client: Client, sealer: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = client.list_topics().topics
    nobody = {**others, LOG[0]: SimpleNamespace(partitions={0: SimpleNamespace(leader=-1)}, error=None)}
    monkeypatch.setattr(client, "list_topics", lambda **_: SimpleNamespace(topics=nobody, brokers={1: ""}))
    monkeypatch.setattr(client, "get_watermark_offsets", lambda log, **_: (3, END) if log.topic != LOG[0] else 1 / 0)
    assigned = Mock()
    monkeypatch.setattr(client, "assign", assigned)
    Ids(sealer, {LOG: TreeState(2, 2)})
    sealer._assign()
    (places,) = assigned.call_args.args
    assert {place.topic: place.offset for place in places} == {topic: 2 if topic == LOG[0] else 3 for topic in SEALED}
