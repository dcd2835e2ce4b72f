"""The settings of the seal: its own table, and what it shares with other processes (contracts.md, Settings)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from service.fields import File, Port, ProcessName, Section, data_dir, name_of, pages_host, pages_port
from service.hosts import Host
from service.postgres_settings import PostgresSettings
from service.registry_settings import RegistrySettings
from service.web_address import WebAddress


class SealSettings(Section):
    """`ronde seal`."""

    id: ProcessName = name_of("process")
    pages_host: Host = pages_host()
    pages_port: Port = pages_port(6094)
    key_file: File = Field(
        default=Path(".ronde/seal.pem"), description="the file of the key that signs heads, made by `ronde seal key`"
    )
    stamp_url: WebAddress | None = Field(
        default=None, description="the address of a time-stamping authority, RFC 3161 (default: no time stamps)"
    )
    longest_pause_seconds: Annotated[int, Field(ge=1)] = Field(
        default=30, description="the longest pause before PostgreSQL or Kafka is asked again"
    )
    data_dir: File = data_dir("seal")


class SealConfiguration(NamedTuple):
    """What `ronde seal` needs; secrets included, never log them."""

    seal: SealSettings
    prefix: str
    group: str
    partitions: int
    consumer: Mapping[str, Any]
    postgres: PostgresSettings
    registry: RegistrySettings
    admin: Mapping[str, Any] = MappingProxyType({})
