"""The settings of `ronde partners`: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edges.web.settings import WebSettings
from service.postgres_settings import PostgresSettings

if TYPE_CHECKING:
    from edges.settings import Connection

Port: TypeAlias = Annotated[int, Field(ge=0, le=65535)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]


class PartnersSettings(BaseModel):
    """`ronde partners`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,64}$")] = Field(
        default_factory=lambda: socket.gethostname()[:64],
        description="this process's name, no other's: up to 64 letters, digits, '.', '_', '-'",
    )
    host: Text = Field(default="127.0.0.1", description="the address that partners and guards reach it on")
    port: Port = Field(default=6082, description="its port: a whole number from 0 (any free one) to 65535")
    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^/]+$")] | None = Field(
        default=None,
        description="where guards reach it, as https://guards.example: links begin with it (default: with its address)",
    )
    pages_host: Text = Field(default="127.0.0.1", description="the address of /health, /ready and /metrics")
    pages_port: Port = Field(default=6092, description="their port: a whole number from 0 (any free one) to 65535")
    data_dir: Annotated[Path, Field(strict=False)] = Field(
        default=Path(".ronde/partners"), description="a folder for what it keeps between runs: the registry's schemas"
    )


class PartnersConfiguration(NamedTuple):
    """Everything that the process needs; secrets included, never log it."""

    partners: PartnersSettings
    connection: Connection
    postgres: PostgresSettings
    web: WebSettings
