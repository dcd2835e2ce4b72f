"""`ronde schemas check` and `ronde schemas release`: the gate that a change of a schema must pass."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from ronde.shared.errors import Failed
from ronde.shared.schemas_folder import FolderOption, shelf_of
from ronde.shared.settings import JsonOption
from ronde.shared.terminal import print_value, say
from schemas.gate.refusal import Refusal


def check(
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The schemas/ of another release too, as of the one in production: compare with it."
        ),
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse what breaks a promise to any released version, or could not be read after a roll-back.

    Exit 1 when something is refused.
    """
    _need_avro()
    from schemas.gate import check as gate  # noqa: PLC0415 - heavy

    shelf = shelf_of(folder)
    refusals = gate.check(shelf, version("ronde"), None if against is None else shelf_of(against))
    proposed = {name: shelf.written_version(name) for name in shelf.written if shelf.is_proposed(name)}
    if as_json:
        print_value({"refusals": _as_objects(refusals), "proposed": proposed})
    elif not refusals:
        total = sum(len(versions) for versions in shelf.released.values())
        say(f"{len(shelf.written)} schemas keep what was promised to {total} released versions")
        for name, number in proposed.items():
            say(f"{name} is proposed as version {number}: `ronde schemas release` adds it")
    _fail_on(refusals)


def release(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Add what is proposed to released/, once it passes the gate, and list what this release of ronde reads.

    What the release before does not read goes on to be written as it was, and is written from the next release on.
    """
    _need_avro()
    from schemas.gate import release as gate  # noqa: PLC0415 - heavy

    try:
        added = gate.release(shelf_of(folder), version("ronde"))
    except gate.Unreleasable as error:
        if as_json:
            print_value({"refusals": _as_objects(error.refusals)})
        _fail_on(error.refusals)
        return
    if as_json:
        print_value({"released": [one._asdict() for one in added]})
        return
    for one in added:
        say(f"{one.schema}: version {one.version} is released")
        if one.writes != one.version:
            say(
                f"  {one.schema}.avsc is version {one.writes} again: the next release may write {one.version}, "
                f"by a copy of released/{one.schema}/{one.version}.avsc"
            )
    if not added:
        say(f"nothing to release: every schema written is a released version, and {version('ronde')} is listed")


def _need_avro() -> None:
    """The gate uses Avro's own package, which no other command needs."""
    try:
        import avro.compatibility  # noqa: F401, PLC0415 - only whether it is there
    except ModuleNotFoundError:
        raise Failed("the gate needs the avro package: install ronde[gate]") from None


def _as_objects(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    return [refusal._asdict() for refusal in refusals]


def _fail_on(refusals: Sequence[Refusal]) -> None:
    """Fail if the gate refuses something, and name each."""
    if refusals:
        count = "1 refusal" if len(refusals) == 1 else f"{len(refusals)} refusals"
        raise Failed("\n".join([f"{count}:", *(f"  {refusal}" for refusal in refusals)]))
