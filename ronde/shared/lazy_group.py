"""A group of commands that imports a command's module only when the command is called.

The group's own help and its completion show a summary of each command, for which nothing is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import Default

from ronde.shared.errors import Failed


def lazy_group(package: str, summaries: Mapping[str, str], extras: Mapping[str, str]) -> type[TyperGroup]:
    """Return the class of a group, for ``typer.Typer(cls=…)``.

    ``summaries`` names the modules of ``package`` that define a command each; ``extras`` the optional dependencies
    that some of them need.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = {name: TyperCommand(name, help=summary) for name, summary in summaries.items()}

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Resolve the arguments to the command itself; `Failed` where its optional dependencies are missing."""
            name, placeholder, rest = super().resolve_command(ctx, args)
            if placeholder is None or placeholder.name is None:
                return name, placeholder, rest
            try:
                return name, load(package, placeholder.name, summaries[placeholder.name]), rest
            except ModuleNotFoundError as error:
                extra = extras.get(placeholder.name)
                if extra is None:
                    raise
                missing = (error.name or "a package").partition(".")[0]
                raise Failed(
                    f"`ronde {name}` needs {missing}, which is not installed: pip install 'ronde[{extra}]'"
                ) from error

    return LazyGroup


def load(package: str, name: str, summary: str) -> Any:
    """Import a command, or a group of commands, and return it as the command line's parser has it.

    The summary is the help of a group that does nothing by itself; the others have a docstring.
    """
    module = import_module(f"{package}.{name}")
    parser = typer.Typer(add_completion=False)
    if hasattr(module, "app"):
        has_help = module.app.registered_callback is not None
        parser.add_typer(module.app, name=name, help=Default(None) if has_help else summary)
    else:
        parser.callback()(lambda: None)  # so that it is a group even of one command
        parser.command(name)(getattr(module, name))
    return typer.main.get_group(parser).commands[name]
