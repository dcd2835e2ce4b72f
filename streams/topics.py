"""The topics on the broker: made with the contract's settings, and compared with them (contracts.md, Topics).

The number of partitions is for life: a record's place follows from it, so nothing here changes it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from schemas.topics import TOPICS
from streams.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import AdminClient

ANSWER_SECONDS: Final = 8.0  # after which a broker counts as not reachable
CREATE_SECONDS: Final = 30.0

What: TypeAlias = Literal["missing", "partitions", "max.message.bytes", "cleanup.policy", "message.timestamp.type"]
_COMPARED: Final[tuple[What, ...]] = ("max.message.bytes", "cleanup.policy", "message.timestamp.type")


class TopicsError(Exception):
    """The broker cannot be reached, or refuses; the message says which and what to do."""


class Found(NamedTuple):
    """A topic as the broker has it: how many partitions, and its configuration in the broker's words."""

    partitions: int
    configuration: Mapping[str, str]


class Difference(NamedTuple):
    """One thing that is not as it must be; ``topic`` is the name on the broker, ``expected`` the contract's."""

    topic: str
    what: What
    expected: str
    found: str

    def __str__(self) -> str:
        if self.what == "missing":
            return f"{self.topic}: is missing"
        return f"{self.topic}: {self.what} is {self.found}, expected {self.expected}"


def differences(found: Mapping[str, Found], settings: Settings) -> list[Difference]:
    """What keeps a worker from running on these topics (by name on the broker), in the order of the contract.

    An empty list means that all topics are there, with the settings' number of partitions, and that sizes,
    clean-up and timestamps are the contract's. Retention is the operator's to lengthen, so it is not compared.
    """
    told: list[Difference] = []
    for topic in TOPICS.values():
        name = settings.topic(topic.name)
        if name not in found:
            told.append(Difference(name, "missing", "", ""))
            continue
        partitions, configuration = found[name]
        if partitions != settings.topics.partitions:
            told.append(Difference(name, "partitions", str(settings.topics.partitions), str(partitions)))
        expected = topic.configuration()
        told += [
            Difference(name, what, expected[what], configuration.get(what, "not set"))
            for what in _COMPARED
            if configuration.get(what) != expected[what]
        ]
    return told


def find(settings: Settings) -> dict[str, Found]:
    """Those of our topics that the broker has, by their name there.

    Raises `TopicsError`: the broker cannot be reached, or refuses to tell.
    """
    from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy
    from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined] # noqa: PLC0415

    admin = _Admin(settings)
    there = admin.topics()
    ours = [name for name in map(settings.topic, TOPICS) if name in there]
    if not ours:
        return {}
    asked = admin.client.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in ours], request_timeout=ANSWER_SECONDS
    )
    found = {}
    for resource, answer in asked.items():
        try:
            entries = answer.result()
        except KafkaException as error:
            raise admin.error(f"the configuration of topic {resource.name}", error.args[0]) from error
        found[resource.name] = Found(there[resource.name], {entry.name: entry.value for entry in entries.values()})
    return found


def create(settings: Settings) -> list[str]:
    """Make the topics that are missing; the names (on the broker) of those made, in the order of the contract.

    Those that are there are left as they are, whatever they are: `differences` tells.

    Raises `TopicsError`: the broker cannot be reached, or refuses; what it made before stays.
    """
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - heavy
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined] # noqa: PLC0415

    admin = _Admin(settings)
    there = admin.topics()
    missing = {settings.topic(name): topic for name, topic in TOPICS.items() if settings.topic(name) not in there}
    if not missing:
        return []
    copies, in_sync = settings.topics.replication_factor, settings.topics.min_insync_replicas
    ours = {} if in_sync is None else {"min.insync.replicas": str(in_sync)}
    asked = admin.client.create_topics(
        [
            NewTopic(
                name,
                num_partitions=settings.topics.partitions,
                replication_factor=-1 if copies is None else copies,
                config={**topic.configuration(), **ours},
            )
            for name, topic in missing.items()
        ],
        operation_timeout=CREATE_SECONDS,
        request_timeout=CREATE_SECONDS,
    )
    made = []
    for name, answer in asked.items():
        try:
            answer.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue  # another one made it meanwhile
            raise admin.error(f"topic {name}", error.args[0]) from error
        made.append(name)
    admin.wait_for(missing.keys())
    return made


class _Admin:
    """An admin client that knows how to say what went wrong."""

    def __init__(self, settings: Settings) -> None:
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - heavy

        self._servers = settings.kafka["bootstrap.servers"]
        self._heard = ""
        silent = logging.Logger("streams.topics", level=logging.CRITICAL + 1)  # what it says comes as errors too
        properties: dict[str, Any] = {**settings.client("admin"), "error_cb": self._hear}
        self.client: AdminClient = AdminClient(properties, logger=silent)

    def topics(self) -> dict[str, int]:
        """All topics of the broker with their number of partitions."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy

        try:
            topics = self.client.list_topics(timeout=ANSWER_SECONDS).topics
        except KafkaException as error:
            self.client.poll(0)  # brings the reason that the client only logs
            raise self.error("its topics", error.args[0]) from error
        return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}

    def wait_for(self, names: Set[str]) -> None:
        """Wait until the broker shows these topics to its clients."""
        give_up = time.monotonic() + ANSWER_SECONDS
        while not names <= self.topics().keys():
            if time.monotonic() > give_up:
                raise TopicsError(f"the broker at {self._servers} made the topics but does not show them: try again")
            time.sleep(0.05)

    def error(self, asked_for: str, error: KafkaError) -> TopicsError:
        """The error to raise when the broker did not give what it was asked for."""
        if error.name() in {"_TRANSPORT", "_TIMED_OUT", "_TIMED_OUT_QUEUE", "_ALL_BROKERS_DOWN"}:
            reason = self._heard or "nothing answered"
            return TopicsError(
                f"no Kafka can be reached at {self._servers} (kafka.bootstrap.servers) within {ANSWER_SECONDS:.0f} s: "
                f"{reason}. Start it (here: `ronde local up`) or correct the setting"
            )
        return TopicsError(f"the broker at {self._servers} refuses {asked_for}: {error.str()}")

    def _hear(self, error: KafkaError) -> None:
        if error.name() != "_ALL_BROKERS_DOWN":  # says less than what came before it
            self._heard = error.str()
