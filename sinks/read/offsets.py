"""Where the logs of Kafka begin and end, by a consumer that reads nothing.

librdkafka's admin client may end the process when a broker goes away while it is asked (librdkafka #4605).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from service.hearing import Hearing, hears
from service.silence import silent
from sinks.errors import Away

if TYPE_CHECKING:
    from sinks.rows.chunk import Log
    from sinks.settings import Configuration


class Offsets:
    """Offsets of logs, of those that answer: without a leader, a log has no answer, and its place is left out.

    Every method raises `Away` when none answers within so many seconds.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.hearing = Hearing()
        self._consumer = Consumer(
            # A log ends at its high watermark: records of an open transaction count as lag.
            configuration.reader("read_uncommitted"),
            logger=silent(__name__),
        )

    def firsts(self, logs: Iterable[Log], seconds: float) -> dict[Log, int]:
        """The first offset that each log still has."""
        return self._ask(logs, OFFSET_BEGINNING, seconds)

    def ends(self, logs: Iterable[Log], seconds: float) -> dict[Log, int]:
        """The offset that each log's next record will have."""
        return self._ask(logs, OFFSET_END, seconds)

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _ask(self, logs: Iterable[Log], which: int, seconds: float) -> dict[Log, int]:
        try:
            answers = self._consumer.offsets_for_times([TopicPartition(*log, which) for log in logs], seconds)
        except KafkaException as error:
            raise self._away(error.args[0], seconds) from None
        answered = {(answer.topic, answer.partition): answer.offset for answer in answers if answer.error is None}
        refused = [answer.error for answer in answers if answer.error is not None]
        if refused and not answered:
            raise self._away(refused[0], seconds)
        if refused:
            hears(self._consumer, seconds)  # as in `_away`
        self.hearing.note(is_answered=True)
        return answered

    def _away(self, error: KafkaError, seconds: float) -> Away:
        """The error, after a look for new leaders: a client may ask an old one for five minutes.

        While it waits for one that is gone, librdkafka has no answer of the others either.
        """
        self.hearing.note(is_answered=hears(self._consumer, seconds))
        return Away("kafka", f"Kafka does not answer: {error.str()}")
