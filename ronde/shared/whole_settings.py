"""All tables of the settings: those of the streams and those of the sinks, which do not know of each other."""

from __future__ import annotations

from pydantic import Field

from service.postgres import PostgresSettings
from sinks.settings import Configuration, SinkSettings
from streams.settings import Settings


class WholeSettings(Settings):
    """Everything that a settings file may hold (contracts.md, Settings)."""

    sink: SinkSettings = Field(default_factory=SinkSettings)
    postgres: PostgresSettings = PostgresSettings()

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
