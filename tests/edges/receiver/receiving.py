"""A receiver in the test's own loop: real sockets, and a Kafka in memory that a test can stop."""

from __future__ import annotations

import asyncio
import math
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from edges.kafka.errors import UnconfirmedError
from edges.receiver.accounts import Account
from edges.receiver.addresses import Addresses
from edges.receiver.framing import framed
from edges.receiver.intake import Intake
from edges.receiver.judging import Judge
from edges.receiver.listening import Listener
from edges.receiver.metrics import ReceiverMetrics, Transport
from edges.receiver.partition_capacity import PartitionCapacity
from edges.receiver.repeats import Repeats
from edges.receiver.settings import ReceiverSettings
from edges.receiver.signal_log import SignalLog
from edges.values import Alert, Signal

PARTITIONS: Final = 4
ACK_SECONDS: Final = 0.002


class MemoryKafka:
    """Both topics, shared by several receivers.

    Attributes:
        leaderless: partitions that acknowledge nothing.
        late: what clients have of them, and go on trying to write.
        since_behind: for how many seconds its readers have not been behind.

    """

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.alerts: list[Alert] = []
        self.leaderless: set[int] = set()
        self.late: list[Signal] = []
        self.readers: dict[SignalLog, int] = {}
        self.are_readers_away = False
        self.since_behind = math.inf
        self.timeout = 3.0

    def partition_of(self, key: str) -> int:
        return zlib.crc32(key.encode()) % PARTITIONS

    @property
    def is_acknowledging(self) -> bool:
        return len(self.leaderless) < PARTITIONS

    async def acknowledge(self, key: str, signals: Sequence[Signal] = ()) -> None:
        """Return after a while, or raise."""
        if self.partition_of(key) in self.leaderless:
            self.late += signals
            await asyncio.sleep(self.timeout)
            raise UnconfirmedError(is_under_way=True)
        await asyncio.sleep(ACK_SECONDS)

    def join(self, log: SignalLog) -> None:
        """Read all there is, and from now on what comes."""
        self.readers[log] = 0
        self.read()

    def read(self) -> None:
        """Have the readers read on."""
        if not self.are_readers_away:
            for log, position in self.readers.items():
                log.take(self.signals[position:])
                self.readers[log] = len(self.signals)


class MemoryPublisher:
    """One receiver's way into it."""

    def __init__(self, kafka: MemoryKafka) -> None:
        self._kafka = kafka
        self.partition_of = kafka.partition_of

    @property
    def is_acknowledging(self) -> bool:
        return self._kafka.is_acknowledging

    async def signals(self, signals: Sequence[Signal]) -> None:
        await self._kafka.acknowledge(signals[0].key, signals)
        self._kafka.signals += signals
        asyncio.get_running_loop().call_later(ACK_SECONDS, self._kafka.read)

    async def alerts(self, alerts: Sequence[Alert]) -> None:
        await self._kafka.acknowledge(alerts[0].site_id)
        self._kafka.alerts += alerts


class Known(dict[str, Account]):
    """Accounts, in a view that is fresh or not."""

    fresh = True

    def is_fresh(self, _name: str) -> bool:
        return self.fresh


class Receiver:
    """What a test has in hand."""

    def __init__(self, kafka: MemoryKafka, accounts: Known, settings: ReceiverSettings) -> None:
        self.kafka, self.accounts = kafka, accounts
        self.metrics = ReceiverMetrics()
        repeats = Repeats()
        self.log = SignalLog(repeats)
        addresses = Addresses(settings.sockets_per_address)
        self.intake = Intake(
            Judge(settings.id, accounts, repeats, gas_as_fire=settings.gas_as_fire),
            self.log,
            MemoryPublisher(kafka),
            PartitionCapacity(settings.room_per_partition),
            addresses,
            self.metrics,
            lambda _: kafka.since_behind,
        )
        self.listener = Listener(settings, self.intake, addresses, self.metrics)
        self.ports: dict[Transport, int] = {}

    def count(self, name: str, **labels: str) -> float:
        """A metric's value, its name without ``ronde_receiver_``."""
        return self.metrics.registry.get_sample_value(f"ronde_receiver_{name}", labels) or 0.0


@asynccontextmanager
async def receiver(*accounts: Account, kafka: MemoryKafka | None = None, **settings: Any) -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    ports = {"tcp_port": 0, "udp_port": 0, "id": "r1"}
    made = Receiver(
        kafka if kafka is not None else MemoryKafka(),
        Known({account.name: account for account in accounts}),
        ReceiverSettings(**{**ports, **settings}),
    )
    made.kafka.join(made.log)
    made.ports = await made.listener.open()
    try:
        yield made
    finally:
        await made.listener.close(1.0)
        del made.kafka.readers[made.log]


class Client:
    """A panel's connection, at the level of bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)

    async def answer(self, seconds: float = 5.0) -> bytes:
        """The next answer, up to its CR; empty when the connection ends."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.readuntil(b"\r")
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return b""

    async def silence(self, seconds: float = 0.1) -> None:
        """Expect no answer for a while."""
        try:
            answer = await self.answer(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"an answer where none is expected: {answer!r}")


@asynccontextmanager
async def client(made: Receiver, transport: Transport = Transport.TCP, **options: Any) -> AsyncIterator[Client]:
    """A connection to a receiver."""
    reader, writer = await asyncio.open_connection("127.0.0.1", made.ports[transport], **options)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


def now() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


def cid(event: str, sequence: int = 1, end: str = "", account: str = "1234") -> bytes:
    """A plain frame of Contact ID."""
    return framed(f'"ADM-CID"{sequence:04d}L0#{account}[#{account}|{event}]{end}'.encode())
