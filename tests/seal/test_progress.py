"""What the seal notices of a log that has more than its client reads, without a broker."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from seal import keys, metrics, progress, sealing
from seal.commitments import SEALED
from seal.errors import AwayError, LockedError, SealError
from seal.progress import Progress
from seal.sealing import Sealing
from seal.settings import SealConfiguration, SealSettings
from seal.store import TreeState
from service.postgres_settings import PostgresSettings
from service.registry_settings import RegistrySettings

END = 5
LOG = ("decisions", 0)


class Clock:
    """Steady seconds, as a test has them pass; ``wall``: ms since 1970, as the machine's clock says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.wall = 0
        monkeypatch.setattr(sealing, "now_ms", lambda: self.wall)
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep)
        for module in (metrics, progress, sealing):
            monkeypatch.setattr(module, "time", clock)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def message(topic: str, offset: int, *, is_end: bool = False) -> Any:
    """A record, or the end of a log."""
    error = KafkaError(KafkaError._PARTITION_EOF) if is_end else None
    return SimpleNamespace(
        topic=lambda: topic, partition=lambda: 0, offset=lambda: offset, timestamp=lambda: (1, 0), error=lambda: error,
        key=lambda: b"S1", value=lambda: b"?", headers=list,
    )  # fmt: skip


class Client:
    """A consumer that has read its logs to their ends, and then reads nothing more."""

    def __init__(self) -> None:
        self.end = END
        self.leader = 1
        self.brokers = {1: "a broker"}
        self.is_answered = True
        self.partitions = 1
        self.ids: dict[str, str] = {}
        self.to_say = [message(topic, END, is_end=True) for topic in SEALED]

    def list_topics(self, **_: Any) -> Any:
        partitions = {number: SimpleNamespace(leader=self.leader) for number in range(self.partitions)}
        topics = {topic: SimpleNamespace(partitions=partitions, error=None) for topic in SEALED}
        return SimpleNamespace(topics=topics, brokers=self.brokers)

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 0, self.end

    def offsets_for_times(self, asked: list[TopicPartition], _: float) -> list[Any]:
        if not self.is_answered:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        ends = [self.end if one.topic == LOG[0] else END for one in asked]
        return [
            SimpleNamespace(topic=one.topic, partition=one.partition, offset=end, error=None)
            for one, end in zip(asked, ends, strict=True)
        ]

    def consume(self, *_: Any) -> list[Any]:
        said, self.to_say = self.to_say, []
        return said

    def assign(self, _: Any) -> None:
        """Nothing."""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(sealing, "Consumer", lambda *_, **__: made)
    monkeypatch.setattr("seal.topic_ids.topic_ids", lambda *_: made.ids)
    return made


@pytest.fixture
def sealer(client: Client, clock: Clock, tmp_path: Path) -> Sealing:
    settings = SealSettings(key_file=tmp_path / "seal.pem")
    keys.create(settings.key_file)
    configuration = SealConfiguration(settings, "", "none", 1, {}, PostgresSettings(), RegistrySettings())
    last = SimpleNamespace(made_at=clock.wall)
    return Sealing(configuration, Mock(last_head=lambda: last, trees=Mock(return_value={})))


def run(sealer: Sealing, clock: Clock, changes: dict[int, Any], until: int) -> list[float]:
    """Run for so many seconds, two at each turn, with changes in between; return the lags of decisions that it shows.

    The last is -1 where the session ended by a client that does not read, -2 where by anything else that is away.
    """
    lags: list[float] = []

    def is_over() -> bool:
        at = int(clock.now) - 1000
        clock.now += 2
        lags.append(sealer.metrics.lag.labels(LOG[0])._value.get())
        changes.get(at, lambda: None)()
        return at >= until

    try:
        sealer.run(is_over)
    except AwayError as error:
        lags.append(-1 if error.thing == "kafka" and "more in decisions-0" in str(error) else -2)
    return lags


def test_a_log_with_more_than_the_client_reads_is_behind_and_gets_another_client(
    client: Client, clock: Clock, sealer: Sealing
) -> None:
    lags = run(sealer, clock, {100: lambda: setattr(client, "end", END + 1)}, 1000)
    assert lags[45] == 0, "before"
    assert max(lags) > 50
    assert lags[-1] == -1
    assert 160 < clock.now - 1000 < 190, "a minute, and a look"


def test_a_clock_that_was_ahead_holds_no_head_up(
    clock: Clock, sealer: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = 3_600_000
    signed: list[int] = []

    def sign(_: Any) -> Any:
        signed.append(clock.wall)
        return SimpleNamespace(made_at=clock.wall)

    monkeypatch.setattr(sealer._heads, "sign", sign)
    begin, ahead = hour + 5, 25 * hour
    walls = {0: begin, 20: ahead, 40: begin + 40, 60: 2 * hour, 80: 2 * hour - 500, 100: 2 * hour + 1}
    run(sealer, clock, {at: lambda to=wall: setattr(clock, "wall", to) for at, wall in walls.items()}, 120)
    assert signed == [begin, ahead, begin + 40, 2 * hour], "one at each, and none for a clock that is set back a little"


@pytest.mark.parametrize("change", [("leader", -1), ("is_answered", False)], ids=str)
def test_no_other_client_is_due_while_the_leader_does_not_answer(
    client: Client, clock: Clock, sealer: Sealing, change: tuple[str, Any]
) -> None:
    changes = {100: lambda: setattr(client, "end", END + 1), 140: lambda: setattr(client, *change)}
    assert run(sealer, clock, changes, 500)[-1] > 300, "it is behind for all that"


def test_a_log_that_moves_or_waits_for_others_does_not_stand_still(clock: Clock) -> None:
    made = Progress()
    made.reach(LOG, 0)

    def still_after(seconds: int, each: Any) -> bool:
        for _ in range(0, seconds, 10):
            clock.now += 10
            made.behind({LOG: 1000})
            each()
        return made.still() is not None

    reached = iter(range(1, 100))
    assert not still_after(300, lambda: made.reach(LOG, next(reached)))
    assert not still_after(300, made.wait)
    assert still_after(80, lambda: None)
    clock.now += 100  # in one append
    assert made.behind({LOG: 1000}) == [LOG]
    assert made.still() is None


def test_the_seal_ends_where_a_topic_has_other_partitions(client: Client, clock: Clock, sealer: Sealing) -> None:
    with pytest.raises(SealError, match=r"topic decisions has 2 partitions, and topics.partitions is 1") as raised:
        run(sealer, clock, {100: lambda: setattr(client, "partitions", 2)}, 1000)
    assert not isinstance(raised.value, AwayError), "waiting does not help"
    assert clock.now - 1000 < 120, "once it looks"
    with pytest.raises(SealError, match="has 2 partitions"):
        sealer.once()


@pytest.mark.parametrize("is_locked", [False, True])
def test_sealing_once_ends_where_a_log_gives_neither_records_nor_its_end(
    client: Client, clock: Clock, sealer: Sealing, monkeypatch: pytest.MonkeyPatch, *, is_locked: bool
) -> None:
    client.to_say = [said for said in client.to_say if said.topic() != LOG[0]]
    turns = iter(range(10_000))

    def consume(*_: Any) -> list[Any]:
        clock.now += 1
        said, client.to_say = client.to_say, []
        if next(turns) == 100:
            said.append(message(LOG[0], 0))
        return said

    monkeypatch.setattr(client, "consume", consume)
    monkeypatch.setattr(sealer, "_seal", lambda _: None)
    client.leader = -1
    store: Any = sealer._store
    store.lock.side_effect = LockedError("another") if is_locked else None
    with pytest.raises(AwayError, match="the broker has given nothing of decisions-0 for 120 s, nor its end") as raised:
        sealer.once()
    assert raised.value.thing == "kafka"
    assert 220 < clock.now - 1000 < 230, "it moved in between"


def test_sealing_once_ends_where_the_other_process_seals_all_but_one_log(
    client: Client, clock: Clock, sealer: Sealing
) -> None:
    client.to_say += [message(LOG[0], END), message(LOG[0], END + 1, is_end=True)]
    store: Any = sealer._store
    store.lock.side_effect = LockedError("another")
    sizes = iter(range(10_000))
    store.trees.side_effect = lambda: {("calls", 0): TreeState(next(sizes), END), LOG: TreeState(1, END)}
    with pytest.raises(LockedError, match="seals nothing of decisions-0: see its log"):
        sealer.once()
    assert 30 < clock.now - 1000 < 35


def test_a_client_that_knows_no_broker_gives_way_to_another(client: Client, clock: Clock, sealer: Sealing) -> None:
    assert run(sealer, clock, {100: client.brokers.clear}, 1000)[-1] == -2
    assert clock.now - 1000 < 120
