"""Settings that several processes have: their types, defaults and words (contracts.md, Settings)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


def _checked_file(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("no file has U+0000 in its name")
    return path


Port: TypeAlias = Annotated[int, Field(ge=0, le=65535)]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
File: TypeAlias = Annotated[Path, Field(strict=False), AfterValidator(_checked_file)]
Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,200}$")]
ProcessName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,64}$")]

_LOCALHOST: Final = "127.0.0.1"


class Section(BaseModel):
    """A table of settings, immutable; an unknown name or a value of another type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


def name_of(process: str) -> Any:
    """The name of one process among its kind; by default its host's."""
    return Field(
        default_factory=lambda: socket.gethostname()[:64],
        description=f"this {process}'s name, no other's: up to 64 letters, digits, '.', '_', '-'",
    )


def host_for(whom: str) -> Any:
    """The address that a process serves; by default localhost."""
    return Field(default=_LOCALHOST, description=f"the address that {whom} reach it on")


def port_for(default: int) -> Any:
    """The port that a process serves."""
    return Field(default=default, description="its port: a whole number from 0 (any free one) to 65535")


def pages_host() -> Any:
    """The address of the pages of operation."""
    return Field(default=_LOCALHOST, description="the address of /health, /ready and /metrics")


def pages_port(default: int) -> Any:
    """The port of the pages of operation."""
    return Field(default=default, description="their port: a whole number from 0 (any free one) to 65535")


def data_dir(process: str) -> Any:
    """The folder of a process."""
    return Field(
        default=Path(".ronde") / process, description="a folder for what it keeps between runs: the registry's schemas"
    )
