"""`ronde schemas`: the schemas and their versions, the gate that a change must pass, the contract as AsyncAPI."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ronde.commands import schemas_gate, schemas_register
from ronde.shared.errors import WrongUse
from ronde.shared.schemas_folder import FolderOption, shelf_of
from ronde.shared.settings import JsonOption
from ronde.shared.terminal import Listing, Terminal, print_value, say
from schemas.contract.asyncapi import text
from schemas.contract.promises import PROMISES
from schemas.contract.topics import TOPICS
from schemas.gate.shelf import Shelf, marked

app = typer.Typer(no_args_is_help=True)
app.command()(schemas_register.register)


@app.command("list")
def list_(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List the schemas: topics, promise, and which version is written and which are read."""
    shelf = shelf_of(folder)
    described = [_described(shelf, name) for name in shelf.written]
    if as_json:
        print_value(described)
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

    A fingerprint is shown as in a value's header, behind C3 01. With --json the schema written comes too.
    """
    shelf = shelf_of(folder)
    if name not in shelf.written:
        raise WrongUse(f"no schema is named {name!r}; there are {', '.join(shelf.written)}")
    described = _described(shelf, name)
    if as_json:
        print_value({**described, "avsc": shelf.written[name]})
        return
    say(f"{name}: {shelf.written[name].get('doc', '')}")
    say(f"topics: {', '.join(described['topics'])}; promise: {described['promise']}")
    table = Listing("version", "fingerprint", "read since", "")
    for listed in described["versions"]:
        state = "written" if listed["written"] else ""
        table.add_row(str(listed["version"]), listed["fingerprint"], listed["since"] or "-", state)
    Terminal().print(table)


app.command()(schemas_gate.check)
app.command()(schemas_gate.release)


@app.command()
def asyncapi() -> None:
    """Print the contract as an AsyncAPI 3 document (JSON): topics, operations, messages."""
    typer.echo(text(), nl=False)


def _described(shelf: Shelf, name: str) -> dict[str, Any]:
    """One schema and its versions, as --json has them."""
    written = shelf.written_version(name)
    versions = []
    for number, schema in shelf.versions(name).items():
        mark = marked(schema)
        since = next((release for release in shelf.releases if mark in shelf.read_by(release, name)), None)
        versions.append({"version": number, "fingerprint": mark, "since": since, "written": number == written})
    return {
        "schema": name,
        "topics": [topic.name for topic in TOPICS.values() if topic.schema == name],
        "promise": PROMISES[name],
        "written": written,
        "versions": versions,
    }
