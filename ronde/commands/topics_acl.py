"""`ronde topics acl`: what a principal of a role is allowed on the broker, no more (`schemas.contract.roles`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from ronde.shared.errors import WrongUse, failing_on
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value, say
from ronde.shared.whole_settings import WholeSettings
from schemas.contract.roles import ROLES, Role
from streams.kafka.acl import COMMAND_CONFIG, Grant, commands, grants, own_group
from streams.kafka.acl_rules import CreationCounts, create
from streams.kafka.admin import BrokerError

RoleName = StrEnum("RoleName", {name: name for name in ROLES})  # type: ignore[misc]  # the names are data


def acl(
    principal: Annotated[str, typer.Option(metavar="User:NAME", help="Whom to allow it.", show_default=False)],
    role: Annotated[RoleName | None, typer.Option(help="What it is (default: print all roles).")] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The group it reads as (default: worker.group, sink.group, or its own)."),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Create them on the broker. What is there already stays as it is.")
    ] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the access rules of a role as commands of Kafka's own tool, or create them.

    They allow what the role needs, and nothing else. Other rules that the principal has stay.
    """
    _check(principal)
    if apply and role is None:
        raise WrongUse("a principal has one role: say which, by --role, to create its rules")
    effective = in_force(settings)
    roles = list(ROLES.values()) if role is None else [ROLES[role.value]]
    found = {one.name: _grants(one, principal, group, effective) for one in roles}
    made = _apply(found[roles[0].name], principal, effective) if apply else None
    if as_json:
        print_value(_as_object(found, principal, made))
    elif made is not None:
        say(f"{principal} has the rules of {roles[0].name}: {made.made} made, {made.there} were there")
        if made.others:
            say(f"{made.others} others that it has stay: `kafka-acls --list --principal {principal}` shows them")
    else:
        _print(found, principal, effective)


def _check(principal: str) -> None:
    kind, _, name = principal.partition(":")
    if kind != "User" or not name:
        raise WrongUse(f"{principal} is no principal: write User:NAME, as the broker knows the user")
    if name == "*":
        raise WrongUse("User:* is everyone: give each program a principal of its own")


def _grants(role: Role, principal: str, group: str | None, settings: WholeSettings) -> list[Grant]:
    workers = settings.worker.group
    usual = {"worker": workers, "engineer": workers, "sink": settings.sink.group}
    reads_as = group or usual.get(role.name) or own_group(role, settings.prefix, principal)
    return grants(role, settings.prefix, reads_as)


def _apply(grants: list[Grant], principal: str, settings: WholeSettings) -> CreationCounts:
    with failing_on(BrokerError):
        return create(settings, grants, principal)


def _as_object(found: dict[str, list[Grant]], principal: str, made: CreationCounts | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "principal": principal,
        "roles": {role: [grant._asdict() for grant in grants] for role, grants in found.items()},
    }
    return described if made is None else {**described, "applied": made._asdict()}


def _print(found: dict[str, list[Grant]], principal: str, settings: WholeSettings) -> None:
    say(f"# {COMMAND_CONFIG}: how Kafka's tools log in as an administrator of the broker")
    for name, of_role in found.items():
        say(f"\n# {name}: {ROLES[name].work}")
        for command in commands(of_role, principal, settings.kafka["bootstrap.servers"]):
            say(command)
