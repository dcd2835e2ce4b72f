"""`ronde users`: who may sign in to the edges, and in which role."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from edges.web import accounts
from edges.web.accounts import ROLES, Role
from edges.web.files import FileError
from edges.web.values import write_instant
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.namesakes import warn_of_namesake
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value, say

app = typer.Typer(no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="Their name, without spaces.", metavar="NAME")]
T = TypeVar("T")


@app.command()
def add(
    name: NameArgument,
    role: Annotated[str, typer.Option(metavar="R", help=f"{', '.join(ROLES[:-1])} or {ROLES[-1]}.")],
    site: Annotated[
        list[str] | None,
        typer.Option("--site", metavar="SITE", help="A site that they configure as an owner; repeatable."),
    ] = None,
    partner: Annotated[
        list[str] | None,
        typer.Option("--partner", metavar="PARTNER", help="A partner whose guards they send; repeatable."),
    ] = None,
    oidc: Annotated[bool, typer.Option("--oidc", help="No password: they sign in by OpenID Connect.")] = False,
    settings: SettingsOption = None,
) -> None:
    """Add an account. Its password, of at least 8 characters, is asked for twice, or is a line of standard input."""
    web = in_force(settings).web
    known = _role(role)
    if known != "customer" and (site or partner):
        raise WrongUse("--site and --partner are for --role customer")
    password = None if oidc else _password()
    _done(lambda: accounts.add(web.users_file, name, known, site or (), password, partner or ()))
    say(f"{name} may sign in as {known}")
    warn_of_namesake(web, name)
    if known == "customer" and not (site or partner):
        say(f"they see the sites of which a person has {name} as `login`, at the portal", err=True)


@app.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the accounts: names, roles, sites, partners, how they sign in."""
    listed = _done(lambda: accounts.listed(_path(settings)))
    rows = [
        (
            account.name,
            account.role,
            list(account.sites),
            list(account.partners),
            "password" if account.password else "oidc",
            write_instant(int(account.created_at.timestamp()) * 1000),
        )
        for account in listed
    ]
    if as_json:
        names = ("name", "role", "sites", "partners", "sign_in", "created_at")
        print_value([dict(zip(names, row, strict=True)) for row in rows])
        return
    listing = Listing("name", "role", "sites", "partners", "sign-in", "created")
    for name, role, sites, partners, way, created in rows:
        listing.add_row(name, role, " ".join(sites), " ".join(partners), way, created)
    Terminal().print(listing)


@app.command()
def remove(name: NameArgument, settings: SettingsOption = None) -> None:
    """Remove an account; its sessions end at once."""
    path = _path(settings)
    if not _done(lambda: accounts.remove(path, name)):
        raise Failed(_nobody(path, name))
    say(f"{name} may no longer sign in")


@app.command()
def password(name: NameArgument, settings: SettingsOption = None) -> None:
    """Change a password; sessions of the account end at once."""
    path = _path(settings)
    if all(account.name != name for account in _done(lambda: accounts.listed(path))):
        raise Failed(_nobody(path, name))
    chosen = _password()
    _done(lambda: accounts.set_password(path, name, chosen))
    say(f"{name} has a new password")


def _path(settings: Path | None) -> Path:
    return in_force(settings).web.users_file


def _nobody(path: Path, name: str) -> str:
    return f"{path} has no user {name}: `ronde users list` shows those it has"


def _role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise WrongUse(f"no role {text!r}: there are {', '.join(ROLES)}")


def _password() -> str:
    """Ask twice on a terminal; else a line of standard input."""
    if sys.stdin is None:  # as after `<&-`
        raise WrongUse("standard input is closed, and the password would be a line of it")
    if sys.stdin.isatty():
        answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")


def _done(do: Callable[[], T]) -> T:
    """What it gives. Raises `Failed` for a file that cannot be used, `WrongUse` for a value that cannot."""
    try:
        return do()
    except FileError as error:
        raise Failed(str(error)) from None
    except ValidationError:
        raise WrongUse(
            "a name has no spaces and at most 128 characters, a site is not empty and has at most 128 bytes"
        ) from None
    except ValueError as error:
        raise WrongUse(str(error)) from None
