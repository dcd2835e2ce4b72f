"""The folder of schemas that `ronde schemas` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

import schemas
from ronde.shared.errors import WrongUse
from schemas.avro.errors import UnusableSchema
from schemas.gate.shelf import Shelf, read_shelf

FolderOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Where the schemas are; this ronde's own without it."),
]


def shelf_of(folder: Path | None) -> Shelf:
    """The schemas of a folder; without one, those that are installed."""
    try:
        return read_shelf(folder if folder is not None else Path(schemas.__file__).parent)
    except UnusableSchema as error:
        raise WrongUse(str(error)) from None
