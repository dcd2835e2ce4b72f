"""Sends records of one topic: keyed, put by murmur2, each acknowledged by the broker (contracts.md, Topics)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from edges.values import Transmitter
from ronde.shared.errors import Failed, failing_on
from schemas.avro.errors import RegistryRefused, RegistryUnreachable
from schemas.avro.framing import confluent, single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load as load_schema
from schemas.contract.topics import INPUT_BYTES, TOPICS
from service.registry import Registry, client
from service.silence import silent
from streams.escalation.values import Event, Site
from streams.kafka.access import require
from streams.kafka.acl import Grant
from streams.kafka.admin import BrokerError
from streams.settings import Settings

GIVE_UP_MS: Final = 30_000  # for a record that the broker does not acknowledge
_ROOM_SECONDS: Final = 0.1  # between two looks for room in the producer's queue
# Which role has the right to write what (`schemas.contract.roles`).
_ROLES: Final = {
    "sites": "sites",
    "alerts": "receiver",
    "call-results": "desk",
    "dispatch-reports": "partner",
    "operator-actions": "desk",
    "transmitters": "portal",
}
_REPLACED: Final = "run this again, what is there already is only replaced"
_HANDLED: Final = "run this again: while its incident is open, what is there already counts once"
# What to do where the broker has some of the records (procedure.md §1, Duplicates).
_AGAIN: Final = {
    "sites": _REPLACED,
    "alerts": "run this again with the same raised_at (--at): an alert that its site remembers then counts once",
    "call-results": _HANDLED,
    "dispatch-reports": _HANDLED,
    "operator-actions": _HANDLED,
    "transmitters": _REPLACED,
}


class TooLargeError(ValueError):
    """A value too large for a record of its topic."""

    def __init__(self) -> None:
        super().__init__(f"the value takes more than the {INPUT_BYTES:,} bytes that a record may have")


class InputProducer:
    """Sends inputs to one topic. Every method raises `Failed`.

    ``acknowledged`` gets the partition and offset of each record, with the ``mark`` that `send` got for it.
    """

    def __init__(
        self, settings: Settings, topic: str, acknowledged: Callable[[int, int, int], None] = lambda *_: None
    ) -> None:
        """``topic`` has no prefix. Fails when it is missing, or the broker or the registry is away or refuses."""
        self.topic = settings.topic(topic)
        self._again = _AGAIN[topic]
        self.sent = 0
        self.refused = 0
        self._first = ""
        self._acknowledged = acknowledged
        with failing_on(BrokerError):
            there = require(settings, _ROLES[topic], [Grant("topic", self.topic, "literal", ("WRITE",))])
        if self.topic not in there:
            raise Failed(f"there is no topic {self.topic}: correct `prefix`, or make it with `ronde topics create`")
        self._encode = _encoder(settings, topic)
        properties: dict[str, Any] = {
            **settings.client("producer"),
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "acks": "all",
            "message.max.bytes": TOPICS[topic].max_message_bytes,
            "message.timeout.ms": GIVE_UP_MS,
        }
        self._producer = Producer(properties, logger=silent(__name__))

    def send(self, key: str, value: Site | Event | Transmitter | None, mark: int = 0) -> None:
        """Hand over one record; None is a tombstone. Raises `TooLargeError`, and the record is not sent."""
        data = None if value is None else self._encode(value)

        def report(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._first = self._first or error.str()
                self.refused += 1
            else:
                self._acknowledged(mark, message.partition() or 0, message.offset() or 0)

        while True:
            try:
                self._producer.produce(self.topic, data, key.encode(), on_delivery=report)
            except BufferError:
                self._producer.poll(_ROOM_SECONDS)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise TooLargeError from None
                raise Failed(f"a record cannot be sent to {self.topic}: {error.args[0].str()}") from None
            else:
                break
        self._producer.poll(0)
        self.sent += 1

    def finish(self) -> None:
        """Wait until the broker has acknowledged all records; `Failed` if one is missing."""
        self._producer.flush()
        if self.refused:
            raise Failed(
                f"the broker did not take {self.refused:,} of {self.sent:,} records sent to {self.topic} "
                f"({self._first}): {self._again}"
            )


def _encoder(settings: Settings, topic: str) -> Callable[[Any], bytes]:
    """The function from a value to its bytes, framed as every producer's are."""
    schema = load_schema(TOPICS[topic].schema or "")
    if settings.registry.url is None:
        return writer(schema, single_object(schema))
    with client(settings.registry) as connected:
        registry = Registry(connected, settings.worker.data_dir)
        try:
            return writer(schema, confluent(registry.id_of(f"{settings.topic(topic)}-value", schema)))
        except (RegistryUnreachable, RegistryRefused) as error:
            raise Failed(f"{error} (registry.url)") from None
