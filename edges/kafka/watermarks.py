"""Asks the leaders, once a second, for the high watermark of each partition.

A reader's own fetches do not tell: a log may end before its high watermark (an open transaction), and a client that
asks a broker which leads no more hears nothing and keeps what it knew. Each leader is asked by a question of its own,
so one that hangs makes nobody else's partitions old; nor does a partition that it has no answer for.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import OFFSET_END, KafkaException

from edges.kafka import clients
from edges.kafka.errors import TopicsDifferError
from edges.kafka.layout import Layout, answered_offsets
from edges.kafka.renewal import RenewedReader
from schemas.contract.topics import Log

if TYPE_CHECKING:
    from edges.settings import Connection

_EVERY_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 1.0
_LEADERS_SECONDS: Final = 15.0  # who leads is asked again after it, or as soon as an answer is missing
_MOST_ASKED: Final = 8  # leaders at once

Report = Callable[[Log, int, float], None]


class Watermarks:
    """Reports (log, high watermark, when it was asked for: monotonic) from threads of its own.

    With ``isolation`` read_committed it reports last stable offsets instead.
    """

    def __init__(
        self, connection: Connection, topics: Iterable[str], report: Report, *, isolation: str = "read_uncommitted"
    ) -> None:
        self._connection = connection
        self._layout = Layout(connection, topics)
        self._report = report
        self._reader = RenewedReader(partial(clients.reader, connection, isolation=isolation))
        self._leaders: dict[Log, int | None] = {}
        self._leaders_at = float("-inf")
        self._asking: dict[int, Future[None]] = {}
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(_MOST_ASKED, "kafka-watermarks")
        self._thread = threading.Thread(target=self._run, name="kafka-watermarks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a question under way ends by its time-out."""
        self._ended.set()
        self._thread.join(3 * _ASK_SECONDS)

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._reader.client.close()

    def _work(self) -> None:
        while not self._ended.is_set():
            if time.monotonic() - self._leaders_at >= _LEADERS_SECONDS:
                self._learn_leaders()
            if all(asked.done() for asked in self._asking.values()):
                self._reader.unanswered()
            of_leader: dict[int, list[Log]] = defaultdict(list)
            for log, leader in self._leaders.items():
                if leader is None:
                    self._leaders_at = float("-inf")
                else:
                    of_leader[leader].append(log)
            for leader, logs in of_leader.items():
                asked = self._asking.get(leader)
                if asked is None or asked.done():
                    self._asking[leader] = self._pool.submit(self._ask, logs)
            self._ended.wait(_EVERY_SECONDS)

    def _learn_leaders(self) -> None:
        try:
            self._leaders = self._layout.leaders(self._reader.client, _ASK_SECONDS)
            self._leaders_at = time.monotonic()
            self._reader.answered()
        except KafkaException:
            return  # who led may lead still
        except TopicsDifferError:
            self._reader.answered()  # who reads names what differs

    def _ask(self, logs: list[Log]) -> None:
        asked_at = time.monotonic()
        try:
            ends, error = answered_offsets(self._reader.client, self._connection, logs, OFFSET_END, _ASK_SECONDS)
        except KafkaException:
            self._leaders_at = float("-inf")
            return
        if error is not None:
            self._leaders_at = float("-inf")
        for log, end in ends.items():
            self._report(log, end, asked_at)
