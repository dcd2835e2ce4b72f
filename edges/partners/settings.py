"""The settings of `ronde partners`: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from edges.web.settings import WebSettings
from service.fields import (
    File,
    Port,
    ProcessName,
    Section,
    data_dir,
    host_for,
    name_of,
    pages_host,
    pages_port,
    port_for,
)
from service.hosts import Host
from service.postgres_settings import PostgresSettings
from service.web_address import PublicUrl

if TYPE_CHECKING:
    from edges.settings import Connection


class PartnersSettings(Section):
    """`ronde partners`."""

    id: ProcessName = name_of("process")
    host: Host = host_for("partners and guards")
    port: Port = port_for(6082)
    public_url: PublicUrl | None = Field(
        default=None,
        description="where guards reach it, as https://guards.example: links begin with it (default: with its address)",
    )
    pages_host: Host = pages_host()
    pages_port: Port = pages_port(6092)
    data_dir: File = data_dir("partners")


class PartnersConfiguration(NamedTuple):
    """Everything that the process needs; secrets included, never log it."""

    partners: PartnersSettings
    connection: Connection
    postgres: PostgresSettings
    web: WebSettings
