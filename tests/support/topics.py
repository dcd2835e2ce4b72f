"""Settings of topics on a real broker, changed by a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)


def alter(client: Mapping[str, Any], topics: Iterable[str], name: str, value: str) -> None:
    """Set one setting of topics (by their names on the broker) and wait until the broker has it."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    changes = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry]) for topic in topics]
    admin = AdminClient(dict(client))  # lives until its answers are there
    for changed in admin.incremental_alter_configs(changes).values():
        changed.result()


def keep_for_good(client: Mapping[str, Any], topics: Iterable[str]) -> None:
    """Let no retention delete records of long ago."""
    alter(client, topics, "retention.ms", "-1")
