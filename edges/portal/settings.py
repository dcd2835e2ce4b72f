"""The portal's settings: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints

from edges.web.settings import WebSettings
from service import fields
from service.hosts import Host
from service.postgres_settings import PostgresSettings
from service.web_address import PublicUrl

if TYPE_CHECKING:
    from edges.settings import Connection


def _has_numbers(code: str) -> str:
    from service.phone_numbers import is_country  # noqa: PLC0415 - heavy, and most leave it as it is

    if not is_country(code):
        raise ValueError("no phone number belongs there")
    return code


class PortalSettings(fields.Section):
    """The settings of `ronde portal`."""

    id: fields.ProcessName = fields.name_of("portal")
    host: Host = fields.host_for("people and programs")
    port: fields.Port = fields.port_for(6081)
    public_url: PublicUrl | None = Field(
        default=None, description="where people reach it, as https://portal.example (default: what they typed)"
    )
    pages_host: Host = fields.pages_host()
    pages_port: fields.Port = fields.pages_port(6091)
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_has_numbers)] = Field(
        default="FR", description="where phone numbers without + belong while a site has no address: as FR"
    )
    data_dir: fields.File = fields.data_dir("portal")


class PortalConfiguration(NamedTuple):
    """Everything a portal needs; secrets included, never log it."""

    portal: PortalSettings
    connection: Connection
    postgres: PostgresSettings
    web: WebSettings
    wrapping_key: str | None
