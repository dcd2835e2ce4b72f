"""The settings of a sink: its own tables, and what it shares with other processes (contracts.md, Settings).

The command line reads them with all other settings, and rejects unknown ones.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from service.fields import File, Name, Port, Section, data_dir
from service.hosts import Host
from service.postgres_settings import PostgresSettings
from service.registry_settings import RegistrySettings
from sinks.rows.feeds import FEEDS


class SinkSettings(Section):
    """`ronde sink`."""

    group: Name = Field(
        default="ronde-ledger", description="the consumer group that sinks share: letters, digits, '.', '_', '-'"
    )
    id: Name = Field(
        default_factory=socket.gethostname,
        description="this sink's name, the same after a restart and no other's: letters, digits, '.', '_', '-'",
    )
    host: Host = Field(default="127.0.0.1", description="the address its web pages listen on")
    port: Port = Field(
        default=6067, description="the port of its web pages: a whole number from 0 (any free one) to 65535"
    )
    data_dir: File = data_dir("sink")
    group_protocol: Literal["consumer", "classic"] = Field(
        default="consumer", description='how the group settles: "consumer" (Kafka 4) or "classic"'
    )
    session_timeout_ms: Annotated[int, Field(ge=1000, le=1_800_000)] = Field(
        default=6000,
        description='after how many milliseconds of silence a sink counts as dead ("classic" only): from 1000',
    )
    chunk_max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=10_000, description="how many records one transaction takes at most: a whole number from 1 to 100000"
    )
    longest_pause_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=30,
        description="the longest pause between two attempts to reach PostgreSQL: whole seconds from 1 to 3600",
    )


class Configuration(NamedTuple):
    """Everything a sink needs; ``consumer`` and ``admin`` are librdkafka's properties, secrets included."""

    prefix: str
    replication_factor: int | None
    registry: RegistrySettings
    consumer: Mapping[str, str | int | float | bool]
    admin: Mapping[str, str | int | float | bool]
    sink: SinkSettings
    postgres: PostgresSettings

    def topic(self, name: str) -> str:
        """A topic's name on the broker."""
        return f"{self.prefix}{name}"

    def reader(self, isolation: Literal["read_committed", "read_uncommitted"]) -> dict[str, Any]:
        """The properties of a consumer beside the group: it reads logs from their beginning, or asks where they end."""
        return {
            **self.consumer,
            "group.id": self.sink.group,  # required, and not used: nothing is committed
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
        }

    @property
    def fed(self) -> dict[str, str]:
        """The topics that the ledger is fed with: their names on the broker, and without prefix."""
        return {self.topic(feed.topic): feed.topic for feed in FEEDS}
