"""The desk's settings: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from service import fields
from service.hosts import Host
from service.objectives import ObjectiveSettings
from service.web_address import PublicUrl

if TYPE_CHECKING:
    from edges.settings import Connection
    from edges.web.settings import WebSettings
    from service.postgres_settings import PostgresSettings


class DeskConfiguration(NamedTuple):
    """Everything a desk needs; secrets included, never log it."""

    desk: DeskSettings
    web: WebSettings
    connection: Connection
    lookback_ms: int
    canary_site: str | None = None  # left out
    postgres: PostgresSettings | None = None  # of the ledger, for history; None: none is set
    objectives: ObjectiveSettings = ObjectiveSettings()


class DeskSettings(fields.Section):
    """`ronde desk`."""

    id: fields.ProcessName = fields.name_of("desk")
    host: Host = fields.host_for("browsers")
    port: fields.Port = fields.port_for(6080)
    public_url: PublicUrl | None = Field(
        default=None,
        description="where people reach it, as `https://desk.example` (default: the address they typed)",
    )
    centre: fields.Text | None = Field(
        default=None, description="what operators call the monitoring centre (default: the monitoring centre)"
    )
    pages_host: Host = fields.pages_host()
    pages_port: fields.Port = fields.pages_port(6090)
    data_dir: fields.File = fields.data_dir("desk")
