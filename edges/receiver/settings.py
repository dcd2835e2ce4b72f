"""The receiver's settings: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from service.fields import File, Port, ProcessName, Section, data_dir, host_for, name_of, pages_host, pages_port
from service.hosts import Host

if TYPE_CHECKING:
    from edges.settings import Connection

_KEY_BYTES: Final = 32


def _is_wrapping_key(text: str) -> str:
    wrapping_key_of(text)
    return text


def wrapping_key_of(text: str) -> bytes:
    """The 32 bytes that a wrapping key stands for, in hex or base64. Raises ValueError."""
    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * _KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError("it is not 32 bytes, in hex or base64")
    return key


class ReceiverConfiguration(NamedTuple):
    """Everything a receiver needs; secrets included, never log it."""

    receiver: ReceiverSettings
    connection: Connection
    tokens_file: Path


class ReceiverSettings(Section):
    """The settings of `ronde receiver`."""

    id: ProcessName = name_of("receiver")
    host: Host = host_for("panels and HTTP clients")
    tcp_port: Port = Field(
        default=6070, description="the port for panels: a whole number from 0 (any free one) to 65535"
    )
    udp_port: Port | None = Field(default=None, description="the port for panels that use UDP (default: none)")
    tls_port: Port | None = Field(default=None, description="the port for panels that use TLS (default: none)")
    tls_certificate: File | None = Field(default=None, description="the file of the TLS port's certificate chain, PEM")
    tls_key: File | None = Field(default=None, description="the file of its key, PEM")
    tls_client_ca: File | None = Field(
        default=None, description="the file of the authorities whose client certificates the TLS port demands, PEM"
    )
    http_port: Port = Field(default=6071, description="the port of alerts by HTTP: a whole number from 0 to 65535")
    pages_host: Host = pages_host()
    pages_port: Port = pages_port(6068)
    wrapping_key: Annotated[str, AfterValidator(_is_wrapping_key)] | None = Field(
        default=None,
        repr=False,
        description="what the keys of transmitters are encrypted under: 32 bytes, in hex or base64 (default: none)",
    )
    data_dir: File = data_dir("receiver")
    gas_as_fire: bool = Field(default=True, description="whether gas and carbon monoxide are FIRE; else OTHER")
    sockets_per_address: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=64, description="how many connections one address, of IPv6 one /64, may have: a whole number from 1"
    )
    idle_seconds: Annotated[int, Field(ge=1, le=86400)] = Field(
        default=900, description="after how long a silent connection is closed: whole seconds from 1 to 86400"
    )
    room_per_partition: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1000, description="how many events may be on their way to one partition: a whole number from 1"
    )

    @model_validator(mode="after")
    def _has_certificate(self) -> ReceiverSettings:
        if self.tls_port is not None and (self.tls_certificate is None or self.tls_key is None):
            raise ValueError(
                "tls_port needs tls_certificate and tls_key: the PEM files of a certificate chain and its key"
            )
        files = ("tls_certificate", "tls_key", "tls_client_ca")
        idle = [name for name in files if getattr(self, name) is not None]
        if self.tls_port is None and idle:
            raise ValueError(f"{', '.join(idle)} without tls_port: set receiver.tls_port, or remove them")
        return self
