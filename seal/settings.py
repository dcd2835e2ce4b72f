"""The settings of the seal: its own table, and what it shares with other processes (contracts.md, Settings)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from service.postgres_settings import PostgresSettings


class SealSettings(BaseModel):
    """`ronde seal`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key_file: Annotated[Path, Field(strict=False)] = Field(
        default=Path(".ronde/seal.pem"), description="the file of the key that signs heads, made by `ronde seal key`"
    )
    stamp_url: str | None = Field(
        default=None, description="the address of a time-stamping authority, RFC 3161 (default: no time stamps)"
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
