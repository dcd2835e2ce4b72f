"""The topics of a broker, read to their ends as everybody reads them: committed records only."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, cast

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is documented there

from schemas.contract.topics import TOPICS
from service.silence import silent
from tests.faults.records import Raw, Topics

END_SECONDS: Final = 180.0
RENEW_SECONDS: Final = 15.0  # without a record
_AT_ONCE: Final = 10_000
SILENT: Final = silent("tests.faults.clients")  # brokers here are made to fail


class HangingTransaction(AssertionError):
    """A log has records that nobody may read, and nobody ends their transaction."""


class Tail:
    """Everything that is on a run's topics, as far as it was read; ``meanwhile`` is called while it waits for more."""

    def __init__(self, servers: str, prefix: str, partitions: int, meanwhile: Callable[[], None]) -> None:
        self.topics = Topics()
        self._names = {f"{prefix}{topic}": topic for topic in TOPICS}
        self._logs = [TopicPartition(name, number) for name in self._names for number in range(partitions)]
        self._positions: dict[tuple[str, int], int] = {(log.topic, log.partition): 0 for log in self._logs}
        self._admin = AdminClient({"bootstrap.servers": servers}, logger=SILENT)
        self._servers = servers
        self._meanwhile = meanwhile
        self._prefix = prefix
        self._consumer = self._reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, seconds: float) -> None:
        """Read what has come, for about so long at most."""
        for message in self._consumer.consume(_AT_ONCE, seconds):
            error, topic = message.error(), cast("str", message.topic())
            log, offset = (topic, cast("int", message.partition())), cast("int", message.offset())
            if error is None:
                headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
                self.topics.add(
                    Raw(
                        self._names[topic],
                        log[1],
                        offset,
                        message.timestamp()[1],
                        message.key(),
                        message.value(),
                        tuple(headers),
                    )
                )
                self._positions[log] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._positions[log] = max(self._positions[log], offset)

    def read_to_end(self, seconds: float = END_SECONDS) -> None:
        """Read all that is there now. Raises `HangingTransaction` when some of it cannot be read in time."""
        ends = self._ends(seconds)
        give_up = time.monotonic() + seconds
        renew, so_far = time.monotonic() + RENEW_SECONDS, sum(self._positions.values())
        while behind := [log for log, end in ends.items() if self._positions[log] < end]:
            if (now_at := sum(self._positions.values())) > so_far:
                renew, so_far = time.monotonic() + RENEW_SECONDS, now_at
            elif time.monotonic() > renew:  # a reader that was through an outage may get no records any more
                self._consumer.close()
                self._consumer, renew = self._reader(), time.monotonic() + RENEW_SECONDS
            if time.monotonic() > give_up:
                read = ", ".join(f"{log} to {self._positions[log]} of {ends[log]}" for log in behind)
                raise HangingTransaction(f"not read to the end: {read}; {self.unreadable()}")
            self._meanwhile()
            self.read(0.05)

    def unreadable(self, seconds: float = 30.0) -> str:
        """The logs whose last stable offset, by the broker, lies before their end."""
        ends = self._ends(seconds)  # first: a transaction may end between the two questions
        stable = self._ends(seconds, IsolationLevel.READ_COMMITTED)
        behind = [
            f"{topic} {number} to {stable[topic, number]} of {end}"
            for (topic, number), end in ends.items()
            if stable[topic, number] < end
        ]
        return f"last stable offsets before the end: {', '.join(behind) or 'none'}"

    def _reader(self) -> Consumer:
        """One that begins where this has come to."""
        reader = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": f"{self._prefix}tail",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
            },
            logger=SILENT,
        )
        reader.assign([TopicPartition(*log, position) for log, position in self._positions.items()])
        return reader

    def _ends(
        self, seconds: float, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> dict[tuple[str, int], int]:
        give_up = time.monotonic() + seconds
        while True:
            answers = self._admin.list_offsets(
                {log: OffsetSpec.latest() for log in self._logs},  # type: ignore[no-untyped-call]
                isolation_level=isolation,
                request_timeout=5,
            )
            try:
                return {(log.topic, log.partition): answer.result().offset for log, answer in answers.items()}
            except KafkaException:
                if time.monotonic() > give_up:
                    raise
