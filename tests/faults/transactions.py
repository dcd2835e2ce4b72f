"""Which transactions keep readers of committed records from the end of a log, and whose fault that is.

A log and the coordinator of its transactions are asked by Kafka's own protocol, as `kafka-transactions.sh` does
(KIP-664): librdkafka has no such questions. All of it is for one broker, which leads everything.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

from ronde.local.kafka import Kafka
from ronde.local.kafka_properties import PROPERTIES

Log = tuple[str, int]
"""A topic, with its prefix, and a partition."""

OFFSETS_LOGS: Final[Sequence[Log]] = tuple(
    ("__consumer_offsets", number) for number in range(int(PROPERTIES["offsets.topic.num.partitions"]))
)

T = TypeVar("T")

LOOK_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 0.3
WRITTEN_SECONDS: Final = 60.0
_TIMEOUT_SECONDS: Final = 10.0
# The numbers of the requests in Kafka's protocol, and the versions that are spoken here; all of them have tags.
_WRITE_MARKERS: Final = (27, 1)
_DESCRIBE_PRODUCERS: Final = (61, 0)
_DESCRIBE_TRANSACTIONS: Final = (65, 0)
_LIST_TRANSACTIONS: Final = (66, 0)

# Of the coordinator's states: it is still going to write markers, or to wait for the producer.
_ENDING: Final = frozenset({"PrepareCommit", "PrepareAbort", "PrepareEpochFence"})
_UNDER_WAY: Final = _ENDING | {"Ongoing"}


class Producer(NamedTuple):
    """What a log knows of a producer whose transaction is open there."""

    log: Log
    producer_id: int
    epoch: int
    coordinator_epoch: int
    since: int
    """The offset at which the transaction begins: nobody reads past it."""


class Transaction(NamedTuple):
    """What the coordinator knows of a transactional id."""

    transactional_id: str
    producer_id: int
    epoch: int
    state: str
    logs: frozenset[Log]


class Hanging(NamedTuple):
    """An open transaction in a log, and what the coordinator has of its producer, if anything."""

    producer: Producer
    transaction: Transaction | None

    @property
    def is_forgotten(self) -> bool:
        """True when the broker alone is to blame: its coordinator is done, or has no part of it there.

        No marker will come then, in spite of the producer, but with its next transaction in that log. Two looks must
        agree (`forgotten`): the coordinator and the log are not asked in one instant.
        """
        known = self.transaction
        return known is None or known.state not in _UNDER_WAY or self.producer.log not in known.logs

    def __str__(self) -> str:
        topic, number = self.producer.log
        where = f"{topic} {number}: open since offset {self.producer.since}, epoch {self.producer.epoch}"
        if self.transaction is None:
            return f"{where}, by producer {self.producer.producer_id}, whom no coordinator knows"
        known = self.transaction
        whose = "the broker has forgotten its marker" if self.is_forgotten else "it is under way"
        return f"{where}, by transactional.id {known.transactional_id}, {known.state} (epoch {known.epoch}): {whose}"


def hanging(address: str, logs: Iterable[Log]) -> list[Hanging]:
    """The open transactions in these logs, by the coordinator first and the logs then."""
    with _Connection(address) as broker:
        known = {transaction.producer_id: transaction for transaction in _transactions(broker)}
        return [Hanging(producer, known.get(producer.producer_id)) for producer in _producers(broker, logs)]


def forgotten(looks: tuple[list[Hanging], list[Hanging]]) -> list[Hanging]:
    """Those that two looks, a second or more apart, call forgotten."""
    before = {one.producer for one in looks[0] if one.is_forgotten}
    return [one for one in looks[1] if one.is_forgotten and one.producer in before]


class Markers:
    """Looks after the markers that a broker without others forgets, as `kafka-transactions.sh abort` would.

    What a worker has under way is left alone, so that its faults show.
    """

    def __init__(self, broker: Kafka, logs: Sequence[Log], steady: Callable[[], float] = time.monotonic) -> None:
        self.written: list[Hanging] = []
        self._broker = broker
        self._logs = logs
        self._steady = steady
        self._last: list[Hanging] = []
        self._next_at = 0.0

    def look(self) -> None:
        """Every so often, write those that two looks found forgotten; a broker that does not answer is asked later."""
        if self._steady() < self._next_at:
            return
        with suppress(OSError, AssertionError):
            found = hanging(self._broker.bootstrap_servers, self._logs)
            for lost in forgotten((self._last, found)):
                write_marker(self._broker.bootstrap_servers, lost)
                self.written.append(lost)
            self._last = found
        self._next_at = self._steady() + LOOK_SECONDS

    def wait_written(self, seconds: float = WRITTEN_SECONDS) -> None:
        """Wait until nothing is ended any more: by two looks, as what producers sent may not have been read yet.

        A busy broker takes longer than the moment that an idle one needs.
        """
        give_up, quiet = self._steady() + seconds, 0
        while quiet < 2:
            time.sleep(QUIET_SECONDS)
            with _Connection(self._broker.bootstrap_servers) as broker:
                ending = [one for one in _transactions(broker) if one.state in _ENDING]
            quiet = 0 if ending else quiet + 1
            assert self._steady() < give_up, f"markers are not written in {seconds:.0f} s: {ending}"

    def report(self) -> str:
        """The transactions that are open now, and the markers that were written."""
        open_now = map(str, hanging(self._broker.bootstrap_servers, self._logs))
        return "\n".join(("open transactions:", *open_now, "markers written:", *map(str, self.written)))


def write_marker(address: str, lost: Hanging) -> None:
    """Write the marker that the broker forgot: by the coordinator's word, or an abort, as `kafka-transactions.sh`."""
    producer, known = lost
    (topic, number), is_commit = producer.log, known is not None and known.state == "CompleteCommit"
    with _Connection(address) as broker:
        body = b"\x02" + struct.pack(">qh?", producer.producer_id, producer.epoch, is_commit)
        body += b"\x02" + _string(topic) + b"\x02" + struct.pack(">i", number) + b"\0"
        body += struct.pack(">i", max(producer.coordinator_epoch, 0)) + b"\0\0"
        answer = broker.ask(_WRITE_MARKERS, body)

    def of_partition(read: _Reader) -> int:
        read.i32()
        return read.i16()

    def of_topic(read: _Reader) -> list[int]:
        read.string()
        return read.array(of_partition)

    def of_marker(read: _Reader) -> list[list[int]]:
        read.i64()
        return read.array(of_topic)

    assert answer.array(of_marker) == [[[0]]], f"the marker of {lost} is refused"


def _transactions(broker: _Connection) -> list[Transaction]:
    listed = broker.ask(_LIST_TRANSACTIONS, b"\x01\x01\0")  # of every state and producer
    listed.i32()  # throttle time
    assert listed.i16() == 0, "the coordinator does not list its transactions"
    listed.array(_Reader.string)  # states that it does not know

    def of_id(read: _Reader) -> str:
        name = read.string()
        read.i64()
        read.string()
        return name

    names = listed.array(of_id)
    described = broker.ask(_DESCRIBE_TRANSACTIONS, _array(map(_string, names)) + b"\0")
    described.i32()

    def of_topic(read: _Reader) -> list[Log]:
        topic = read.string()
        return [(topic, number) for number in read.array(_Reader.i32, tags=False)]

    def of_transaction(read: _Reader) -> Transaction:
        read.i16()
        name, state = read.string(), read.string()
        read.i32()
        read.i64()
        producer_id, epoch = read.i64(), read.i16()
        logs = frozenset(log for topic in read.array(of_topic) for log in topic)
        return Transaction(name, producer_id, epoch, state, logs)

    return described.array(of_transaction)


def _producers(broker: _Connection, logs: Iterable[Log]) -> list[Producer]:
    numbers: dict[str, list[int]] = {}
    for topic, number in logs:
        numbers.setdefault(topic, []).append(number)
    topics = (
        _string(topic) + _array(struct.pack(">i", number) for number in of_it) + b"\0"
        for topic, of_it in numbers.items()
    )
    answer = broker.ask(_DESCRIBE_PRODUCERS, _array(topics) + b"\0")
    answer.i32()

    def of_producer(read: _Reader) -> tuple[int, int, int, int]:
        producer_id, epoch = read.i64(), read.i32()
        read.i32()
        read.i64()
        return producer_id, epoch, read.i32(), read.i64()

    def of_partition(read: _Reader) -> tuple[int, list[tuple[int, int, int, int]]]:
        number = read.i32()
        error = read.i16()
        read.nullable()
        assert error == 0, f"a log does not tell its producers: error {error}"
        return number, read.array(of_producer)

    def of_topic(read: _Reader) -> list[Producer]:
        topic = read.string()
        return [
            Producer((topic, number), *facts)
            for number, producers in read.array(of_partition)
            for facts in producers
            if facts[-1] >= 0
        ]

    return [producer for topic in answer.array(of_topic) for producer in topic]


class _Connection:
    """One connection to a broker, one question after the other."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), _TIMEOUT_SECONDS)

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, request: tuple[int, int], body: bytes) -> _Reader:
        """The answer to a request, behind its header."""
        header = struct.pack(">hhih", *request, 1, -1) + b"\0"  # correlation id 1, no client id, no tags
        self._socket.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        (length,) = struct.unpack(">i", self._read(4))
        answer = _Reader(self._read(length))
        assert answer.i32() == 1
        answer.tags()
        return answer

    def _read(self, length: int) -> bytes:
        read = b""
        while len(read) < length:
            piece = self._socket.recv(length - len(read))
            assert piece, "the broker has closed the connection"
            read += piece
        return read


class _Reader:
    """Kafka's types, one after the other, of the compact kind."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def i16(self) -> int:
        return self._number(">h", 2)

    def i32(self) -> int:
        return self._number(">i", 4)

    def i64(self) -> int:
        return self._number(">q", 8)

    def string(self) -> str:
        text = self.nullable()
        assert text is not None
        return text

    def nullable(self) -> str | None:
        length = self._unsigned() - 1
        if length < 0:
            return None
        self._at += length
        return self._raw[self._at - length : self._at].decode()

    def array(self, item: Callable[[_Reader], T], *, tags: bool = True) -> list[T]:
        """So many items; each struct ends with its tags, which plain numbers and strings do not have."""
        items = []
        is_struct = tags and item is not _Reader.string
        for _ in range(self._unsigned() - 1):
            items.append(item(self))
            if is_struct:
                self.tags()
        return items

    def tags(self) -> None:
        for _ in range(self._unsigned()):
            self._unsigned()
            self._at += self._unsigned()

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._raw[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _number(self, code: str, size: int) -> int:
        (number,) = struct.unpack_from(code, self._raw, self._at)
        self._at += size
        return int(number)


def _string(text: str) -> bytes:
    raw = text.encode()
    return _length(len(raw)) + raw


def _array(items: Iterable[bytes]) -> bytes:
    given = list(items)
    return _length(len(given)) + b"".join(given)


def _length(number: int) -> bytes:
    number, raw = number + 1, b""
    while number >= 0x80:
        raw += bytes([number & 0x7F | 0x80])
        number >>= 7
    return raw + bytes([number])
