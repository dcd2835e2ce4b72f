"""All tables of the settings: those of the streams, the sinks and the edges, which do not know of each other."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from edges.settings import Connection
from edges.web.settings import WebSettings
from sinks.settings import Configuration, PostgresSettings, SinkSettings
from streams.settings import Settings


class WholeSettings(Settings):
    """Everything that a settings file may hold (contracts.md, Settings)."""

    sink: SinkSettings = Field(default_factory=SinkSettings)
    postgres: PostgresSettings = PostgresSettings()
    web: WebSettings = WebSettings()

    def for_sink(self) -> Configuration:
        """What a sink needs of it; secrets included, never log them."""
        return Configuration(
            prefix=self.prefix,
            replication_factor=self.topics.replication_factor,
            registry_url=self.registry.url,
            consumer=self.client("consumer"),
            admin=self.client("admin"),
            sink=self.sink,
            postgres=self.postgres,
        )

    def for_edge(self, role: str, name: str, data_dir: Path) -> Connection:
        """How an edge reaches Kafka, as a role of `schemas.contract.roles`; ``name`` is the process's.

        The group is the one that `ronde topics acl` allows the principal of that role. Secrets included.
        """
        return Connection(
            prefix=self.prefix,
            group=f"{self.prefix}{role}.{self.kafka.get('sasl.username', name)}",
            partitions=self.topics.partitions,
            consumer=self.client("consumer"),
            producer=self.client("producer"),
            registry_url=self.registry.url,
            data_dir=data_dir,
        )
