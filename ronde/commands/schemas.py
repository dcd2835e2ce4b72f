"""`ronde schemas`: the schemas and their versions, the gate that a change must pass, the contract as AsyncAPI."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

import schemas
from ronde.commands import schemas_register
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.settings import JsonOption
from ronde.shared.terminal import Listing, Terminal, say
from schemas.avro.errors import UnusableSchema
from schemas.contract.asyncapi import text
from schemas.contract.promises import PROMISES
from schemas.contract.topics import TOPICS
from schemas.gate.refusal import Refusal
from schemas.gate.shelf import Shelf, marked, read_shelf

app = typer.Typer(help="The schemas and their versions, and the gate that a change must pass.", no_args_is_help=True)
app.command()(schemas_register.register)

FolderOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Where the schemas are; this ronde's own without it."),
]


@app.command("list")
def list_(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List the schemas: topics, promise, and which version is written and which are read."""
    shelf = _shelf(folder)
    described = [_described(shelf, name) for name in shelf.written]
    if as_json:
        typer.echo(json.dumps(described, indent=2))
        return
    table = Listing("schema")
    for header in ("topics", "promise", "written", "read", "fingerprint"):
        table.add_column(header, no_wrap=header != "topics")
    for one in described:
        numbers = [str(listed["version"]) for listed in one["versions"]]
        written = next((listed for listed in one["versions"] if listed["written"]), {"fingerprint": ""})
        table.add_row(
            one["schema"],
            ", ".join(one["topics"]),
            one["promise"].partition("_")[0].lower(),
            str(one["written"]),
            " ".join(numbers),
            written["fingerprint"],
        )
    Terminal().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `ronde schemas list` has it.")],
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one schema's versions, the fingerprint of each, and since which release each is read.

    A fingerprint is given as it stands in a value's header, behind C3 01. With --json the schema written comes too.
    """
    shelf = _shelf(folder)
    if name not in shelf.written:
        raise WrongUse(f"no schema is named {name!r}; there are {', '.join(shelf.written)}")
    described = _described(shelf, name)
    if as_json:
        typer.echo(json.dumps({**described, "avsc": shelf.written[name]}, indent=2))
        return
    say(f"{name}: {shelf.written[name].get('doc', '')}")
    say(f"topics: {', '.join(described['topics'])}; promise: {described['promise']}")
    table = Listing("version", "fingerprint", "read since", "")
    for listed in described["versions"]:
        state = "written" if listed["written"] else ""
        table.add_row(str(listed["version"]), listed["fingerprint"], listed["since"] or "-", state)
    Terminal().print(table)


@app.command()
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

    shelf = _shelf(folder)
    refusals = gate.check(shelf, version("ronde"), None if against is None else _shelf(against))
    proposed = {name: shelf.written_version(name) for name in shelf.written if shelf.is_proposed(name)}
    if as_json:
        typer.echo(json.dumps({"refusals": _as_objects(refusals), "proposed": proposed}, indent=2))
    elif not refusals:
        total = sum(len(versions) for versions in shelf.released.values())
        say(f"{len(shelf.written)} schemas keep what was promised to {total} released versions")
        for name, number in proposed.items():
            say(f"{name} is proposed as version {number}: `ronde schemas release` adds it")
    _fail_on(refusals)


@app.command()
def release(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Add what is proposed to released/, once it passes the gate, and list what this release of ronde reads.

    What the release before does not read goes on to be written as it was, and is written from the next release on.
    """
    _need_avro()
    from schemas.gate import release as gate  # noqa: PLC0415 - heavy

    try:
        added = gate.release(_shelf(folder), version("ronde"))
    except gate.Unreleasable as error:
        if as_json:
            typer.echo(json.dumps({"refusals": _as_objects(error.refusals)}, indent=2))
        _fail_on(error.refusals)
        return
    if as_json:
        typer.echo(json.dumps({"released": [one._asdict() for one in added]}, indent=2))
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


@app.command()
def asyncapi() -> None:
    """Print the contract as an AsyncAPI 3 document (JSON): topics, operations, messages."""
    typer.echo(text(), nl=False)


def _need_avro() -> None:
    """The gate asks Avro's own package, which nothing else here needs."""
    try:
        import avro.compatibility  # noqa: F401, PLC0415 - only whether it is there
    except ModuleNotFoundError:
        raise Failed("the gate needs the avro package: install ronde[gate]") from None


def _shelf(folder: Path | None) -> Shelf:
    """The schemas of a folder; without one, those that are installed."""
    try:
        return read_shelf(folder if folder is not None else Path(schemas.__file__).parent)
    except UnusableSchema as error:
        raise WrongUse(str(error)) from None


def _described(shelf: Shelf, name: str) -> dict[str, Any]:
    """One schema and its versions, as --json has them."""
    written = shelf.written_version(name)
    versions = []
    for number, schema in shelf.versions(name).items():
        mark = marked(schema)
        since = next((release for release, reads in shelf.releases.items() if mark in reads.get(name, [])), None)
        versions.append({"version": number, "fingerprint": mark, "since": since, "written": number == written})
    return {
        "schema": name,
        "topics": [topic.name for topic in TOPICS.values() if topic.schema == name],
        "promise": PROMISES[name],
        "written": written,
        "versions": versions,
    }


def _as_objects(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    return [refusal._asdict() for refusal in refusals]


def _fail_on(refusals: Sequence[Refusal]) -> None:
    """Fail when something is refused, naming each."""
    if refusals:
        count = "1 refusal" if len(refusals) == 1 else f"{len(refusals)} refusals"
        raise Failed("\n".join([f"{count}:", *(f"  {refusal}" for refusal in refusals)]))
