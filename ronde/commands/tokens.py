"""`ronde tokens`: who may come to the edges with a bearer token."""

from __future__ import annotations

from typing import Annotated

import typer

from edges.web import tokens
from edges.web.files import FileError
from edges.web.values import write_instant
from ronde.shared.errors import Failed, WrongUse, failing_on
from ronde.shared.namesakes import warn_of_namesake
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value, say

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose token it is: letters, digits, '.', '_', '-'.", metavar="NAME")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope", metavar="S", help="alerts, portal:SITE, portal:*, partner:PARTNER or desk; repeatable."
        ),
    ],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, this once: only its hash is kept. It is in force at once."""
    web = in_force(settings).web
    path = web.tokens_file
    try:
        token = tokens.add(path, name, tuple(map(tokens.check_scope, scope)))
    except FileError as error:
        raise Failed(str(error)) from None
    except ValueError as error:
        raise WrongUse(_words(error)) from None
    warn_of_namesake(web, name)
    if as_json:
        print_value({"name": name, "scopes": scope, "token": token})
        return
    say(token)
    say(f"this is the only time that it is shown; {path} has its hash", err=True)


@app.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the tokens: their names and scopes, never themselves."""
    with failing_on(FileError):
        listed = tokens.listed(in_force(settings).web.tokens_file)
    rows = [
        (token.name, list(token.scopes), write_instant(int(token.created_at.timestamp()) * 1000)) for token in listed
    ]
    if as_json:
        print_value([{"name": name, "scopes": scopes, "created_at": created} for name, scopes, created in rows])
        return
    listing = Listing("name", "scopes", "created")
    for name, scopes, created in rows:
        listing.add_row(name, " ".join(scopes), created)
    Terminal().print(listing)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="Whose token ends.", metavar="NAME")], settings: SettingsOption = None
) -> None:
    """Remove a token; it opens nothing from the next request on."""
    path = in_force(settings).web.tokens_file
    with failing_on(FileError):
        if not tokens.remove(path, name):
            raise Failed(f"{path} has no token {name}: `ronde tokens list` shows those it has")
    say(f"the token {name} is removed")


def _words(error: ValueError) -> str:
    """What is wrong, without what pydantic adds."""
    from pydantic import ValidationError  # noqa: PLC0415 - only for this

    if isinstance(error, ValidationError):
        return "a name has letters, digits, '.', '_', '-', at most 128"
    return str(error)
