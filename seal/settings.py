"""The settings of the seal: its own table, and what it shares with other processes (contracts.md, Settings)."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.postgres_settings import PostgresSettings
from service.web_address import WebAddress


class SealSettings(BaseModel):
    """`ronde seal`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,64}$")] = Field(
        default_factory=lambda: socket.gethostname()[:64],
        description="this process's name in its log: up to 64 letters, digits, '.', '_', '-'",
    )
    pages_host: Annotated[str, StringConstraints(min_length=1)] = Field(
        default="127.0.0.1", description="the address of /health, /ready and /metrics"
    )
    pages_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=6094, description="their port: a whole number from 0 (any free one) to 65535"
    )
    key_file: Annotated[Path, Field(strict=False)] = Field(
        default=Path(".ronde/seal.pem"), description="the file of the key that signs heads, made by `ronde seal key`"
    )
    stamp_url: WebAddress | None = Field(
        default=None, description="the address of a time-stamping authority, RFC 3161 (default: no time stamps)"
    )
    longest_pause_seconds: Annotated[int, Field(ge=1)] = Field(
        default=30, description="the longest pause before PostgreSQL or Kafka is asked again"
    )
    data_dir: Annotated[Path, Field(strict=False)] = Field(
        default=Path(".ronde/seal"), description="a folder for the registry's schemas"
    )


class SealConfiguration(NamedTuple):
    """What `ronde seal` needs; secrets included, never log them."""

    seal: SealSettings
    prefix: str
    partitions: int
    consumer: Mapping[str, Any]
    postgres: PostgresSettings
    registry_url: str | None
