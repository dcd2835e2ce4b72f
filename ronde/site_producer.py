"""Loads sites into their topic: by murmur2, each acknowledged by the broker (contracts.md, Topics)."""

import logging
from collections.abc import Callable
from typing import Any, Final

import httpx
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ronde.errors import Failed, WrongUse
from ronde.site_lines import SiteLines
from schemas.compiled import writer
from schemas.errors import RegistryRefused, RegistryUnreachable
from schemas.framing import confluent, single_object
from schemas.loader import load as load_schema
from schemas.registry import Registry
from schemas.topics import TOPICS
from streams.broker.access import require
from streams.broker.acl import Grant
from streams.broker.admin import BrokerError
from streams.escalation.values import Site
from streams.settings import Settings

_GIVE_UP_MS: Final = 30_000  # for a record that the broker does not acknowledge
_ROOM_SECONDS: Final = 0.1  # between two looks for room in the producer's queue


def load(sites: SiteLines, settings: Settings) -> int:
    """Send the good lines to the sites topic; how many the broker has when this returns.

    A site that a record of the topic has no room for becomes a bad line. Raises `Failed` when the topic is
    missing, or the broker or the schema registry cannot be reached or refuses; `WrongUse`, with the number of sites
    that the broker has, where the file cannot be read to its end.
    """
    topic = settings.topic("sites")
    try:
        there = require(settings, "sites", [Grant("topic", topic, "literal", ("WRITE",))])
    except BrokerError as error:
        raise Failed(str(error)) from None
    if topic not in there:
        raise Failed(f"there is no topic {topic}: make it with `ronde topics create`")
    encode = _encoder(settings)
    refusals = _Refusals()
    producer = _producer(settings)
    loaded = 0
    end: WrongUse | None = None  # what the file ends by, before its end
    try:
        for line, site in sites.good():
            try:
                _produce(producer, topic, site.site_id.encode(), encode(site), refusals.take)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise Failed(f"the site of line {line} cannot be sent to {topic}: {error.args[0].str()}") from None
                limit = TOPICS["sites"].max_message_bytes
                sites.refuse(line, "TOO_LONG", f"the site takes more than the {limit:,} bytes that a record may have")
                continue
            loaded += 1
            if refusals.count:
                break
    except WrongUse as error:
        end = error
    producer.flush()
    if refusals.count:
        raise Failed(
            f"the broker did not take {refusals.count:,} of {loaded:,} sites sent to {topic} ({refusals.first}): "
            "run this again, what is there already is only replaced"
        )
    if end is not None:
        raise WrongUse(
            f"{end}. {loaded:,} sites before it were loaded and {len(sites.bad):,} bad lines left out; what comes "
            "behind it was not read: correct it and run this again, what is there already is only replaced"
        )
    return loaded


class _Refusals:
    """What the broker did not acknowledge."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def take(self, error: KafkaError | None, _: Message) -> None:
        """A record's delivery report."""
        if error is not None:
            self.first = self.first or error.str()
            self.count += 1


def _produce(
    producer: Producer, topic: str, key: bytes, value: bytes, report: Callable[[KafkaError | None, Message], None]
) -> None:
    """Send one record, waiting for room in the queue."""
    while True:
        try:
            producer.produce(topic, value, key, on_delivery=report)
        except BufferError:
            producer.poll(_ROOM_SECONDS)
        else:
            producer.poll(0)
            return


def _producer(settings: Settings) -> Producer:
    properties: dict[str, Any] = {
        **settings.client("producer"),
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "message.max.bytes": TOPICS["sites"].max_message_bytes,
        "message.timeout.ms": _GIVE_UP_MS,
    }
    silent = logging.Logger("ronde.sites", level=logging.CRITICAL + 1)  # what it says comes as errors too
    return Producer(properties, logger=silent)


def _encoder(settings: Settings) -> Callable[[Site], bytes]:
    """The function from a site to its bytes, framed as every producer's are."""
    schema = load_schema("Site")
    url = settings.registry.url
    if url is None:
        return writer(schema, single_object(schema))
    with httpx.Client(base_url=url) as client:
        registry = Registry(client, settings.worker.data_dir)
        try:
            return writer(schema, confluent(registry.id_of(f"{settings.topic('sites')}-value", schema)))
        except (RegistryUnreachable, RegistryRefused) as error:
            raise Failed(f"{error} (registry.url)") from None
