"""All tables of the settings: those of the streams and those of the sinks, which do not import each other."""

from __future__ import annotations

from pydantic import Field

from sinks.settings import Configuration, PostgresSettings, SinkSettings
from streams.settings import Settings


class WholeSettings(Settings):
    """Everything that a settings file may hold (contracts.md, Settings)."""

    sink: SinkSettings = Field(default_factory=SinkSettings)
    postgres: PostgresSettings = PostgresSettings()

    def for_sink(self) -> Configuration:
        """Return the sink's settings; with secrets, so never log them."""
        return Configuration(
            prefix=self.prefix,
            replication_factor=self.topics.replication_factor,
            registry_url=self.registry.url,
            consumer=self.client("consumer"),
            admin=self.client("admin"),
            sink=self.sink,
            postgres=self.postgres,
        )
