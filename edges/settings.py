"""What the edges' settings have in common: how each of them reaches Kafka (contracts.md, Settings).

The command line reads all settings, and refuses what is none; here they are only described.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from service.registry_settings import RegistrySettings

Properties: TypeAlias = Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class Connection:
    """How one edge reaches Kafka.

    Attributes:
        group: names this process among the readers; it commits no offset that anybody reads on from.
        partitions: how many each topic has.
        consumer: librdkafka's properties, secrets included. Never log them.
        producer: the same.
        registry: the schema registry; without ``url`` there is none.
        data_dir: a folder for the registry's schemas.

    """

    prefix: str
    group: str
    partitions: int
    consumer: Properties = field(repr=False)
    producer: Properties = field(repr=False)
    registry: RegistrySettings = field(default_factory=RegistrySettings)
    data_dir: Path = Path(".ronde/edge")

    def topic(self, name: str) -> str:
        """A topic's name on the broker."""
        return f"{self.prefix}{name}"
