"""Topics of tests on a real broker, and their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.contract.topics import TOPICS
from streams.kafka.topics import create
from streams.settings import Settings

_FOR_GOOD: Final = {"retention.ms": "-1"}


def create_kept(settings: Settings) -> None:
    """Make all topics, for records of long ago: retention deletes none of them.

    A setting altered afterwards holds a moment after the broker has said so, and its retention may pass in between.
    """
    admin = AdminClient(settings.client("admin"))  # lives until its answers are there
    if settings.topic("sites") in admin.list_topics(timeout=10).topics:
        return  # a test puts more into its topics
    count = settings.topics.partitions
    made = [
        NewTopic(settings.topic(name), count, 1, config={**topic.configuration(), **_FOR_GOOD})
        for name, topic in TOPICS.items()
    ]
    for answer in admin.create_topics(made).values():
        answer.result()
    create(settings)  # nothing; it waits until they are shown


def alter(client: Mapping[str, Any], topics: Iterable[str], name: str, value: str) -> None:
    """Set one setting of topics (by their names on the broker) and wait until the broker has it."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    changes = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry]) for topic in topics]
    admin = AdminClient(dict(client))  # lives until its answers are there
    for changed in admin.incremental_alter_configs(changes).values():
        changed.result()
