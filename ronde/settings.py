"""`ronde settings`: the settings in force and where each comes from (contracts.md, Settings)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ronde.errors import WrongUse
from ronde.terminal import Listing, Terminal

if TYPE_CHECKING:
    from ronde.whole_settings import WholeSettings

SettingsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings as TOML. RONDE_… in the environment wins over it."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="For a program: one JSON value.")]


def in_force(path: Path | None) -> WholeSettings:
    """The settings of a file and this process's environment, for every command that needs them.

    Raises `WrongUse` with everything that is wrong with them.
    """
    from ronde.whole_settings import WholeSettings  # noqa: PLC0415 - heavy
    from streams.settings import SettingsError, load  # noqa: PLC0415 - heavy

    try:
        return load(path, os.environ, WholeSettings)
    except SettingsError as error:
        raise WrongUse(str(error)) from None


def settings(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Check the settings and show every one in force: its value, and where it comes from.

    Secrets are masked.
    """
    shown = in_force(settings).shown()
    if as_json:
        typer.echo(json.dumps({name: {"value": value, "origin": origin} for name, value, origin in shown}, indent=2))
        return
    table = Listing("setting")
    for header in ("value", "from"):
        table.add_column(header)
    for name, value, origin in shown:
        table.add_row(name, _text(value), origin, style="dim" if origin == "default" else None)
    Terminal().print(table)


def _text(value: str | int | bool | None) -> str:
    """A value as TOML writes it; a dash for none."""
    return "-" if value is None else json.dumps(value, ensure_ascii=False)
