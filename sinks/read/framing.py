"""Judge a value behind the id of a schema registry, for a sink without a registry.

Workers frame all their values alike. So an output behind an id shows that `registry.url` is missing here. An input
behind one, or a value of the edges, is a bad record where workers write without a registry; their newest values show
that. A record whose bytes behind the id are no value either is bad, and does not come here (`NoRegistry` of
`schemas.avro.errors` is raised for the others alone).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NoReturn

from confluent_kafka import Consumer, TopicPartition

from schemas.avro.decoder import decoder
from schemas.avro.errors import NoRegistry, Undecodable
from schemas.contract.topics import TOPICS
from service.silence import silent
from sinks.errors import Away
from sinks.kafka import kafka_away
from sinks.rows.feeds import FEEDS, Feed

if TYPE_CHECKING:
    from sinks.read.offsets import Offsets
    from sinks.rows.chunk import Log
    from sinks.settings import Configuration

_ASK_SECONDS: Final = 5.0
_READ_SECONDS: Final = 10.0
_LAST: Final = 20  # offsets at the end of a log; a transaction has one for its marker


class Framing:
    """The judge; it reads outputs once, when it must."""

    def __init__(self, configuration: Configuration, offsets: Offsets) -> None:
        tuples: dict[str, Callable[..., Any]] = defaultdict(lambda: tuple)
        self._decoders = {
            configuration.topic(feed.topic): decoder(feed.schema, tuples)
            for feed in FEEDS
            if TOPICS[feed.topic].way == "out"
        }
        self._properties = configuration.reader("read_committed")
        self._offsets = offsets
        self._is_plain = False

    def judge(self, feed: Feed) -> None:
        """Return if a value of ``feed`` behind an id is a bad record; raise `Away` if the settings are at fault."""
        if TOPICS[feed.topic].way == "out":
            self._refuse(feed)
        if not self._is_plain:
            self._is_plain = self._workers_write_plain()
        if not self._is_plain:
            self._refuse(feed)

    def _refuse(self, feed: Feed) -> NoReturn:
        raise Away(
            "registry",
            f"values of {feed.topic} are framed for a schema registry, and registry.url is not set: set it here too",
        )

    def _workers_write_plain(self) -> bool:
        """Whether the newest output that decodes has no id before it; False while there is none."""
        with closing(Consumer(self._properties, logger=silent(__name__))) as consumer, kafka_away():
            logs: list[Log] = [
                (topic, number)
                for topic in self._decoders
                for number in consumer.list_topics(topic, _ASK_SECONDS).topics[topic].partitions
            ]
            firsts, ends = self._offsets.firsts(logs, _ASK_SECONDS), self._offsets.ends(logs, _ASK_SECONDS)
            held = [log for log in logs if log in firsts and firsts[log] < ends.get(log, 0)]
            if not held:
                return False
            consumer.assign([TopicPartition(*log, max(ends[log] - _LAST, firsts[log])) for log in held])
            give_up = time.monotonic() + _READ_SECONDS
            while time.monotonic() < give_up:
                message = consumer.poll(_READ_SECONDS)
                if message is None or message.error() is not None or not message.value():
                    continue
                try:
                    self._decoders[message.topic() or ""](message.value() or b"")
                except NoRegistry:
                    return False
                except Undecodable:
                    continue  # written by another program
                return True
        return False
