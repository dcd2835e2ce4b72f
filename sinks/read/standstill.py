"""The logs that the client of the group reads no further, though there is more.

It may have lost sight of their leaders (librdkafka #5430); `service.lost_leader` judges by what is found here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from sinks.kafka import client_positions

if TYPE_CHECKING:
    from sinks.read.lag import Lag, Unread
    from sinks.rows.chunk import Log

_STUCK_SECONDS: Final = 10.0  # for so long a log is read no further, though there is more
_OFTEN_SECONDS: Final = 30.0  # between two looks; later, a log may have waited for PostgreSQL
_END_SECONDS: Final = 1.0


class StuckLogs:
    """To be looked for often. None is stuck that may wait behind others, in the client or while the sink is held up."""

    def __init__(self, client: Consumer, lag: Lag) -> None:
        self._client = client
        self._lag = lag
        self._looked_at = time.monotonic()
        self._full_poll_at = float("-inf")

    def note_full_poll(self) -> None:
        """Note that a poll took as much as it may: more may wait in the client."""
        self._full_poll_at = time.monotonic()

    def look(self) -> dict[Log, float]:
        """The logs whose leaders answer, and since when each is read no further (monotonic)."""
        now = time.monotonic()
        is_late, self._looked_at = now - self._looked_at > _OFTEN_SECONDS, now
        unread = self._lag.unread()
        stuck_since = {log: max(rest.since, self._full_poll_at) for log, rest in unread.items()}
        suspected = {log for log, since in stuck_since.items() if now - since > _STUCK_SECONDS}
        if is_late or not suspected:
            return {}
        suspected -= self._read_to_their_end({log: unread[log] for log in suspected})
        return {log: stuck_since[log] for log in suspected}

    def _read_to_their_end(self, logs: Mapping[Log, Unread]) -> set[Log]:
        """The logs with nothing more for this client, as where an open transaction hides the rest.

        One whose end it does not find is none. The client's own position counts beside the one reached: where a log
        is assigned again and ends with markers, it may be the same as before, and then moves nothing
        (`LedgerConsumer.note_positions`).
        """
        positions = client_positions(self._client, logs)
        try:
            found = self._client.offsets_for_times([TopicPartition(*log, OFFSET_END) for log in logs], _END_SECONDS)
        except KafkaException:
            return set()
        ends = {(end.topic, end.partition): end.offset for end in found if end.error is None}
        return {log for log, end in ends.items() if end <= max(logs[log].reached, positions[log])}
