"""The topics on the broker: made with the contract's settings, and compared with them (contracts.md, Topics).

The number of partitions is for life: a record's place follows from it, so nothing here changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from schemas.contract.topics import ENGINE_TOPICS, TOPICS
from streams.kafka.admin import ANSWER_SECONDS, Admin, BrokerError
from streams.settings import Settings

CREATE_SECONDS: Final = 30.0

TopicsError: TypeAlias = BrokerError  # what asking for topics raises

What: TypeAlias = Literal[
    "missing", "partitions", "max.message.bytes", "cleanup.policy", "message.timestamp.type", "retention.bytes",
    "compression.type",
]  # fmt: skip
_COMPARED: Final[tuple[What, ...]] = (
    "max.message.bytes", "cleanup.policy", "message.timestamp.type", "retention.bytes", "compression.type"
)  # fmt: skip


class BrokerTopic(NamedTuple):
    """A topic as the broker has it: how many partitions, and its configuration in the broker's words."""

    partitions: int
    configuration: Mapping[str, str]


class TopicDifference(NamedTuple):
    """One thing that is not as it must be; ``topic`` is the name on the broker, ``expected`` the contract's."""

    topic: str
    what: What
    expected: str
    found: str

    @property
    def stops_workers(self) -> bool:
        """Whether a worker cannot run on such a topic; limits of what is kept or taken in can be set while it runs."""
        return self.what not in {"retention.bytes", "compression.type"}

    def __str__(self) -> str:
        if self.what == "missing":
            return f"{self.topic}: is missing"
        return f"{self.topic}: {self.what} is {self.found}, expected {self.expected}"


def differences(
    found: Mapping[str, BrokerTopic], settings: Settings, topics: Iterable[str] = TOPICS
) -> list[TopicDifference]:
    """What is not the contract's about ``topics`` as found by name on the broker, in their order.

    An empty list means that all topics are on_broker, with the settings' number of partitions, and that sizes,
    clean-up, timestamps and compression are the contract's. How long records stay is the operator's to lengthen, so it
    is not compared; a limit of size is, as it deletes records of any age.
    """
    differing: list[TopicDifference] = []
    for topic in map(TOPICS.__getitem__, topics):
        name = settings.topic(topic.name)
        if name not in found:
            differing.append(TopicDifference(name, "missing", "", ""))
            continue
        partitions, configuration = found[name]
        if partitions != settings.topics.partitions:
            differing.append(TopicDifference(name, "partitions", str(settings.topics.partitions), str(partitions)))
        expected = topic.configuration()
        differing += [
            TopicDifference(name, what, expected[what], configuration.get(what, "not set"))
            for what in _COMPARED
            if what in expected and configuration.get(what) != expected[what]
        ]
    return differing


def find_some(settings: Settings, topics: Iterable[str], role: str | None) -> dict[str, BrokerTopic]:
    """Those of these topics that the broker has, without how it keeps them: anybody who reads them may ask for that.

    ``role`` is whose rights that takes (`schemas.contract.roles`). Raises `TopicsError`, as `find` does.
    """
    on_broker = Admin(settings, role).topics(map(settings.topic, topics))
    return {name: BrokerTopic(partitions, {}) for name, partitions in on_broker.items()}


def find(settings: Settings, topics: Iterable[str] = TOPICS) -> dict[str, BrokerTopic]:
    """Those of these topics that the broker has, by their name there. A worker may ask for the engine's only.

    Raises `TopicsError`: the broker cannot be reached, or refuses to tell.
    """
    from confluent_kafka import KafkaError  # noqa: PLC0415 - heavy
    from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined] # noqa: PLC0415

    wanted = tuple(topics)
    admin = Admin(settings, "worker" if set(wanted) <= set(ENGINE_TOPICS) else None)
    on_broker = admin.topics(map(settings.topic, wanted))
    if not on_broker:
        return {}
    requests = admin.client.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in on_broker], request_timeout=ANSWER_SECONDS
    )
    found = {}
    for resource, entries in admin.outcomes(requests).items():
        if isinstance(entries, KafkaError):
            raise admin.error(f"the configuration of topic {resource.name}", entries)
        configuration = {entry.name: entry.value for entry in entries.values()}
        found[resource.name] = BrokerTopic(on_broker[resource.name], configuration)
    return found


def create(settings: Settings) -> list[str]:
    """Make the topics that are missing; the names (on the broker) of those made, in the order of the contract.

    Those that are on_broker are left unchanged: `differences` compares them.

    Raises `TopicsError`: the broker cannot be reached, or refuses; what it made before stays.
    """
    from confluent_kafka import KafkaError  # noqa: PLC0415 - heavy
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined] # noqa: PLC0415

    admin = Admin(settings)  # an administrator's
    on_broker = admin.topics(map(settings.topic, TOPICS))
    missing = {settings.topic(name): topic for name, topic in TOPICS.items() if settings.topic(name) not in on_broker}
    if not missing:
        return []
    copies, in_sync = settings.topics.replication_factor, settings.topics.min_insync_replicas
    ours = {} if in_sync is None else {"min.insync.replicas": str(in_sync)}
    requests = admin.client.create_topics(
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
    for name, outcome in admin.outcomes(requests, CREATE_SECONDS).items():
        if not isinstance(outcome, KafkaError):
            made.append(name)
        elif outcome.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # else another one made it meanwhile
            raise admin.error(f"topic {name}", outcome)
    admin.wait_until(lambda: missing.keys() <= admin.topics(missing).keys(), "made the topics")
    return made
