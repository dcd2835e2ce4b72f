"""The settings in force, for every command that needs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ronde.shared.errors import WrongUse
from ronde.shared.whole_settings import WholeSettings
from streams.escalation.procedures import DEFAULTS
from streams.settings import Settings, SettingsError, load

if TYPE_CHECKING:
    from streams.replay.step import KnownProcedures

SettingsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings as TOML. RONDE_… in the environment wins over it."),
]


JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="For a program: one JSON value.")]


def in_force(path: Path | None) -> WholeSettings:
    """The settings of a file and this process's environment, for every command that needs them.

    Raises `WrongUse` with everything that is wrong with them.
    """
    try:
        return load(path, os.environ, WholeSettings)
    except SettingsError as error:
        raise WrongUse(str(error)) from None


def require_transactions(settings: Settings, timeout_ms: int | None = None) -> None:
    """For a command that writes transactions which end after so long (None: `worker.transaction_timeout_ms`).

    Raises `WrongUse` when no producer of them can be made with the settings.
    """
    try:
        settings.require_transactions(timeout_ms)
    except SettingsError as error:
        raise WrongUse(str(error)) from None


def known_procedures(settings: Settings) -> KnownProcedures:
    """Return the known versions of procedures: the shipped ones and those of the settings."""
    known = [*DEFAULTS.items(), *settings.procedures().items()]
    return {(name, procedure.version): procedure for name, procedure in known}
