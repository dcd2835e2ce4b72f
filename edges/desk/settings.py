"""The desk's settings: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.objectives import ObjectiveSettings

if TYPE_CHECKING:
    from edges.settings import Connection
    from edges.web.settings import WebSettings
    from service.postgres_settings import PostgresSettings

Port: TypeAlias = Annotated[int, Field(ge=0, le=65535)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
File: TypeAlias = Annotated[Path, Field(strict=False)]


class DeskConfiguration(NamedTuple):
    """Everything a desk needs; secrets included, never log it."""

    desk: DeskSettings
    web: WebSettings
    connection: Connection
    lookback_ms: int
    canary_site: str | None = None  # left out
    postgres: PostgresSettings | None = None  # of the ledger, for history; None: none is set
    objectives: ObjectiveSettings = ObjectiveSettings()


class DeskSettings(BaseModel):
    """`ronde desk`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,64}$")] = Field(
        default_factory=lambda: socket.gethostname()[:64],
        description="this desk's name, no other's: up to 64 letters, digits, '.', '_', '-'",
    )
    host: Text = Field(default="127.0.0.1", description="the address that browsers reach it on")
    port: Port = Field(default=6080, description="its port: a whole number from 0 (any free one) to 65535")
    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^/]+/?$")] | None = Field(
        default=None,
        description="where people reach it, as `https://desk.example` (default: the address they typed)",
    )
    centre: Text | None = Field(
        default=None, description="what operators call the monitoring centre (default: the monitoring centre)"
    )
    pages_host: Text = Field(default="127.0.0.1", description="the address of /health, /ready and /metrics")
    pages_port: Port = Field(default=6090, description="their port: a whole number from 0 (any free one) to 65535")
    data_dir: File = Field(
        default=Path(".ronde/desk"), description="a folder for what it keeps between runs: the registry's schemas"
    )
