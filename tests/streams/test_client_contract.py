"""What the worker relies on of confluent-kafka's clients, shown on a real broker and on the fake one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # they are documented there

from tests.support.fake_broker import FakeBroker

SECONDS: Final = 30.0  # for an answer of the real broker on a busy machine


class Clients:
    """Clients of a broker, on a topic of two partitions that no other test has."""

    def __init__(self, fake: FakeBroker | None, servers: str, topic: str) -> None:
        self.topic = topic
        self.group = f"{topic}-group"
        self._fake = fake
        self._servers = servers
        self._consumers: list[Any] = []

    def consumer(self, **config: Any) -> Any:
        """A consumer; a property's dots are underscores here."""
        properties = {
            "group.id": self.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            **{name.replace("_", "."): value for name, value in config.items()},
        }
        real = {"bootstrap.servers": self._servers, "fetch.wait.max.ms": 50}
        made = Consumer(real | properties) if self._fake is None else self._fake.consumer(properties)
        self._consumers.append(made)
        return made

    def producer(self, name: str = "p") -> Any:
        """A transactional producer that may begin."""
        properties = {"transactional.id": f"{self.topic}-{name}"}
        real = {"bootstrap.servers": self._servers, "linger.ms": 0}
        made = Producer(real | properties) if self._fake is None else self._fake.producer(properties)
        made.init_transactions(SECONDS)
        return made

    def log(self, number: int = 0, offset: int = OFFSET_INVALID, metadata: str = "") -> TopicPartition:
        """A partition of the topic."""
        return TopicPartition(self.topic, number, offset, metadata)

    def write(self, *values: bytes, end: str = "commit", producer: Any = None) -> Any:
        """Write values to partition 0 in a transaction: ``commit`` it, ``abort`` it or leave it ``open``."""
        producer = producer or self.producer()
        producer.begin_transaction()
        for value in values:
            producer.produce(self.topic, value, b"k", 0, None, None, 1_700_000_000_000)
        assert producer.flush(SECONDS) == 0
        if end != "open":
            getattr(producer, f"{end}_transaction")(SECONDS)
        return producer

    def close(self) -> None:
        """Close what was not closed."""
        for consumer in self._consumers:
            consumer.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.server)])
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    topic = f"contract-{uuid.uuid4().hex[:8]}"
    if request.param == "fake":
        made = Clients(FakeBroker({topic: 2}), "", topic)
    else:
        servers = request.getfixturevalue("kafka").bootstrap_servers
        admin = AdminClient({"bootstrap.servers": servers})
        # Its records are of 2023: the broker would delete them at its next look, which comes every five minutes.
        kept = NewTopic(topic, 2, 1, config={"retention.ms": "-1"})
        admin.create_topics([kept])[topic].result(SECONDS)
        made = Clients(None, servers, topic)
    yield made
    made.close()


def until(condition: Callable[[], Any]) -> Any:
    """Repeat until it holds; return what it returned."""
    give_up = time.monotonic() + SECONDS
    while not (answer := condition()):
        assert time.monotonic() < give_up, "not within the time"
        time.sleep(0.01)
    return answer


def read(consumer: Any) -> tuple[list[bytes], int]:
    """Read partition 0 to its end: the values, and the offset of the end-of-partition event."""
    values: list[bytes] = []
    give_up = time.monotonic() + SECONDS
    while time.monotonic() < give_up:
        for message in consumer.consume(100, 0.1):
            if message.error() is None:
                values.append(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                return values, message.offset()
            else:
                raise KafkaException(message.error())
    raise AssertionError("no end of the partition within the time")


def test_read_committed_skips_aborted_and_waits_for_open(clients: Clients) -> None:
    producer = clients.write(b"a")
    clients.write(b"b", end="abort", producer=producer)
    clients.write(b"c", end="open", producer=producer)
    committed, uncommitted = clients.consumer(), clients.consumer(isolation_level="read_uncommitted")
    for consumer in (committed, uncommitted):
        consumer.assign([clients.log(offset=0)])
    assert read(committed) == ([b"a"], 4), "offset 1 and 3 are the markers; 4 is the open record"
    assert read(uncommitted) == ([b"a", b"b", b"c"], 5)
    producer.commit_transaction(SECONDS)
    assert read(committed) == ([b"c"], 6)


def test_the_end_is_the_last_stable_offset_for_read_committed(clients: Clients) -> None:
    producer = clients.write(b"a")
    clients.write(b"b", end="open", producer=producer)
    committed, uncommitted = clients.consumer(), clients.consumer(isolation_level="read_uncommitted")
    for consumer, end in ((committed, 2), (uncommitted, 3)):
        (first,) = consumer.offsets_for_times([clients.log(offset=OFFSET_BEGINNING)], SECONDS)
        (last,) = consumer.offsets_for_times([clients.log(offset=OFFSET_END)], SECONDS)
        assert (first.offset, last.offset) == (0, end)
        assert consumer.get_watermark_offsets(clients.log(), SECONDS) == (0, end)
    producer.abort_transaction(SECONDS)


def test_positions_pass_markers_which_no_message_shows(clients: Clients) -> None:
    clients.write(b"a")
    consumer = clients.consumer()
    consumer.assign([clients.log(offset=0)])
    assert consumer.position([clients.log()])[0].offset == OFFSET_INVALID
    assert read(consumer) == ([b"a"], 2)
    assert consumer.position([clients.log()])[0].offset == 2


def test_a_paused_log_delivers_nothing_and_a_seek_says_where_it_goes_on(clients: Clients) -> None:
    clients.write(b"a", b"b", b"c")
    consumer = clients.consumer()
    consumer.assign([clients.log(offset=0)])
    consumer.pause([clients.log()])
    assert consumer.consume(10, 0.3) == []
    consumer.seek(clients.log(offset=2))
    consumer.resume([clients.log()])
    assert read(consumer)[0] == [b"c"]


def test_a_seek_forgets_the_position(clients: Clients) -> None:
    clients.write(b"a", b"b")
    consumer = clients.consumer()
    consumer.assign([clients.log(offset=0)])
    read(consumer)
    consumer.pause([clients.log()])
    consumer.seek(clients.log(offset=1))
    assert consumer.position([clients.log()])[0].offset == OFFSET_INVALID
    consumer.resume([clients.log()])
    assert read(consumer) == ([b"b"], 3)
    assert consumer.position([clients.log()])[0].offset == 3


def test_an_unassigned_log_cannot_be_sought_but_may_be_paused(clients: Clients) -> None:
    consumer = clients.consumer()
    with pytest.raises(KafkaException):
        consumer.seek(clients.log(offset=0))
    consumer.pause([clients.log()])
    assert consumer.position([clients.log()])[0].offset == OFFSET_INVALID


def test_logs_are_assigned_and_unassigned_one_by_one(clients: Clients) -> None:
    clients.write(b"a")
    consumer = clients.consumer()
    consumer.incremental_assign([clients.log(offset=0)])
    with pytest.raises(KafkaException):
        consumer.incremental_assign([clients.log(offset=0)])
    assert read(consumer)[0] == [b"a"]
    consumer.incremental_unassign([clients.log()])
    with pytest.raises(KafkaException):
        consumer.incremental_unassign([clients.log()])


def test_an_offset_past_the_end_is_an_event_where_no_reset_is_allowed(clients: Clients) -> None:
    clients.write(b"a")
    consumer = clients.consumer(auto_offset_reset="error")
    consumer.assign([clients.log(offset=50)])
    message = until(lambda: consumer.poll(0.1))
    assert message.error().code() == KafkaError._AUTO_OFFSET_RESET
    assert (message.topic(), message.partition(), message.offset()) == (clients.topic, 0, 50)
    with pytest.raises(KafkaException) as refused:
        consumer.seek(clients.log(offset=0))
    assert refused.value.args[0].code() == KafkaError._STATE
    consumer.assign([clients.log(offset=0)])
    assert read(consumer)[0] == [b"a"]


def test_offsets_are_committed_with_the_transaction(clients: Clients) -> None:
    consumer = joined(clients)
    producer = clients.producer()
    assert clients.consumer().committed([clients.log()], SECONDS)[0].offset == OFFSET_INVALID
    producer.begin_transaction()
    producer.produce(clients.topic, b"a", b"k", 1)
    offsets = [clients.log(offset=7, metadata="deleted=3")]
    producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), SECONDS)
    assert not is_stable(clients), "a transaction may still move it"
    producer.commit_transaction(SECONDS)
    until(lambda: is_stable(clients))
    (answer,) = clients.consumer().committed([clients.log()], SECONDS)
    assert (answer.offset, answer.metadata) == (7, "deleted=3")


def joined(clients: Clients) -> Any:
    """A consumer that its group has assigned partitions."""
    consumer = clients.consumer()
    assigned: list[object] = []
    consumer.subscribe([clients.topic], on_assign=lambda _, logs: assigned.append(logs))
    until(lambda: [consumer.poll(0.1)] and assigned)
    return consumer


def is_stable(clients: Clients) -> bool:
    """Whether the committed offset is answered: by an error of the log, or of the call, it is not."""
    try:
        (answer,) = clients.consumer().committed([clients.log()], 1.0)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._TIMED_OUT:
            raise
        return False
    return answer.error is None


def test_offsets_of_a_member_that_has_left_are_refused_and_the_transaction_can_be_aborted(clients: Clients) -> None:
    consumer = joined(clients)
    stale = consumer.consumer_group_metadata()
    consumer.close()
    producer = clients.producer()
    producer.begin_transaction()
    producer.produce(clients.topic, b"a", b"k", 0)
    with pytest.raises(KafkaException) as refusal:
        producer.send_offsets_to_transaction([clients.log(offset=1)], stale, SECONDS)
    assert refusal.value.args[0].txn_requires_abort()
    with pytest.raises(KafkaException):
        producer.commit_transaction(SECONDS)
    producer.abort_transaction(SECONDS)
    clients.write(b"b", producer=producer)


def test_a_second_producer_of_the_same_id_fences_the_first(clients: Clients) -> None:
    first = clients.write(b"a", end="open")
    second = clients.producer()
    with pytest.raises(KafkaException) as refusal:
        first.commit_transaction(SECONDS)
    assert refusal.value.args[0].fatal()
    clients.write(b"b", producer=second)
    consumer = clients.consumer()
    consumer.assign([clients.log(offset=0)])
    assert read(consumer)[0] == [b"b"], "taking the id aborts the transaction that was open"


def test_calls_out_of_order_are_an_erroneous_state(clients: Clients) -> None:
    producer = clients.producer()
    with pytest.raises(KafkaException) as refusal:
        producer.commit_transaction(SECONDS)
    assert refusal.value.args[0].code() == KafkaError._STATE
    with pytest.raises(KafkaException) as refusal:
        producer.produce(clients.topic, b"a", b"k", 0)
    assert refusal.value.args[0].code() == KafkaError._STATE


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_second_member_takes_half_and_gives_it_back(clients: Clients, protocol: str) -> None:
    config = {"group_protocol": protocol}
    if protocol == "classic":
        config["partition_assignment_strategy"] = "range"
    held: dict[str, set[int]] = {"one": set(), "two": set()}

    def join(name: str) -> Any:
        consumer = clients.consumer(**config)
        consumer.subscribe(
            [clients.topic],
            on_assign=lambda _, logs: held[name].update(log.partition for log in logs),
            on_revoke=lambda _, logs: held[name].difference_update(log.partition for log in logs),
        )
        return consumer

    one = join("one")
    until(lambda: [one.poll(0.05)] and held["one"] == {0, 1})
    two = join("two")
    until(lambda: [one.poll(0.05), two.poll(0.05)] and len(held["one"]) == len(held["two"]) == 1)
    assert held["one"] | held["two"] == {0, 1}
    two.close()
    assert held["two"] == set(), "closing revokes"
    until(lambda: [one.poll(0.05)] and held["one"] == {0, 1})


def test_topics_are_listed_with_their_partitions(clients: Clients) -> None:
    told = clients.consumer().list_topics(timeout=SECONDS)
    assert len(told.topics[clients.topic].partitions) == 2
    assert len(told.brokers) == 1
