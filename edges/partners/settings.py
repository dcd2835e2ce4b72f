"""The settings of `ronde partners`: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from edges.web.settings import WebSettings
from service import fields
from service.hosts import Host
from service.postgres_settings import PostgresSettings
from service.web_address import PublicUrl

if TYPE_CHECKING:
    from edges.settings import Connection


class PartnersSettings(fields.Section):
    """The settings of `ronde partners`."""

    id: fields.ProcessName = fields.name_of("process")
    host: Host = fields.host_for("partners and guards")
    port: fields.Port = fields.port_for(6082)
    public_url: PublicUrl | None = Field(
        default=None,
        description="where guards reach it, as https://guards.example: links begin with it (default: with its address)",
    )
    pages_host: Host = fields.pages_host()
    pages_port: fields.Port = fields.pages_port(6092)
    data_dir: fields.File = fields.data_dir("partners")


class PartnersConfiguration(NamedTuple):
    """Everything that the process needs; secrets included, never log it."""

    partners: PartnersSettings
    connection: Connection
    postgres: PostgresSettings
    web: WebSettings
