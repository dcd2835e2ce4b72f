"""`ronde partners`: partners asked over HTTP: the process, and what an operator of ronde does about it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, TypeAlias

import typer

from edges.partners import enrolment
from edges.partners.addresses import check_url
from edges.partners.enrolment import RotationError
from edges.partners.intake import row_of
from edges.partners.process import PartnersProcess
from edges.partners.sql import migrate as apply
from edges.partners.sql import query
from edges.values import Address, DispatchCommand
from edges.web.values import write_instant
from ronde.shared.database import connected
from ronde.shared.errors import Failed, WrongUse, failing_on
from ronde.shared.serving import serve
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value, say
from service.clock import now_ms
from service.postgres import Session
from service.postgres_settings import PostgresSettings

app = typer.Typer(invoke_without_command=True)

_TEST_MS: Final = 120_000
_MISSED_MS: Final = 24 * 3600 * 1000
_MOST: Final = 1000
PartnerArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", show_default=False, help="The partner, as sites name it.")
]


@app.callback()
def partners(context: typer.Context, settings: SettingsOption = None) -> None:
    """Ask partners over HTTP and take their reports; add partners, look at attempts.

    Without a command: post dispatches to partners, and take their reports. Ends on SIGTERM or Ctrl-C.

    Start as many as you like, each under an id of its own; they share the partners. Exit 1 when it cannot go on and
    waiting would not help.
    """
    if context.invoked_subcommand is not None:
        return
    serve(settings, lambda effective: PartnersProcess(effective.for_partners()))


@app.command()
def add(
    partner: PartnerArgument,
    url: Annotated[str, typer.Option(metavar="U", help="Where its commands are posted: https://….")],
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Also private and loopback addresses, and http://.")
    ] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a partner over HTTP from now on, or change where; print the secret that its webhooks are signed by."""
    try:
        check_url(url, allow_private=allow_private)
    except ValueError as error:
        raise WrongUse(f"--url: {error}") from None
    if not partner.strip() or len(partner.encode()) > 128:
        raise WrongUse("a partner's id has 1 to 128 bytes")
    with _database(in_force(settings).postgres) as database:
        known = enrolment.enrol(database, partner, url, allow_private=allow_private)
    if as_json:
        print_value({"partner_id": partner, "url": url, "allow_private": allow_private, "secrets": known})
        return
    for secret in known:
        say(secret)


@app.command("list")
def list_(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """List the partners that are asked over HTTP: where, since when, and how many secrets each has."""
    with _database(in_force(settings).postgres) as database:
        rows = _rows(database, "partners")
    for row in rows:
        row["added_at"] = write_instant(row["added_at"])
    if as_json:
        print_value(rows)
        return
    listing = Listing("partner", "since", "secrets", "private", "url")
    for row in rows:
        private = "allowed" if row["allow_private"] else ""
        listing.add_row(row["partner_id"], row["added_at"], str(row["secrets"]), private, row["url"])
    Terminal().print(listing)


@app.command()
def rotate(
    partner: PartnerArgument,
    end: Annotated[bool, typer.Option("--end", help="End the older secret: the partner has the newer one.")] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a partner a second secret, and print it; webhooks are signed by both until you run this with --end."""
    with _database(in_force(settings).postgres) as database, failing_on(RotationError):
        known = enrolment.rotate(database, partner, end=end)
    if as_json:
        print_value({"partner_id": partner, "secrets": known})
        return
    say(known[-1])
    if not end:
        say("once the partner has it, end the older one: --end", err=True)


@app.command()
def attempts(
    id_: Annotated[str | None, typer.Argument(metavar="[ID]", help="A partner, a dispatch or a command.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="How many, the latest first.")] = 50,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the attempts to post commands, the latest first; they are kept for 30 days. Times are UTC.

    A command whose time was over before any attempt is listed as attempt 0.
    """
    with _database(in_force(settings).postgres) as database:
        rows = _rows(database, "attempts", id=id_, most=limit, now=now_ms())
    for row in rows:
        for name in ("at", "ended_at"):
            row[name] = None if row[name] is None else write_instant(row[name])
    is_under_way = [row.pop("is_under_way") for row in rows]
    if as_json:
        print_value(rows)
        return
    listing = Listing("at", "partner", "command", "action", "attempt", "outcome", "status", "command is")
    for row, is_running in zip(rows, is_under_way, strict=True):
        listing.add_row(
            row["at"],
            row["partner_id"],
            row["command_id"],
            row["action"],
            str(row["number"]),
            row["outcome"] or ("under way" if is_running else "not noted" if row["number"] else "not posted"),
            str(row["status"] or ""),
            row["state"],
        )
    Terminal().print(listing)


@app.command()
def resend(
    id_: Annotated[str, typer.Argument(metavar="ID", show_default=False, help="A command, a dispatch or a partner.")],
    settings: SettingsOption = None,
) -> None:
    """Post a command again, under the same id: it, the last one of a dispatch, or what a partner missed.

    A partner gets what was given up in the last 24 hours, but a REQUEST that it has answered otherwise, and what it has
    closed. A command with a later one of its dispatch is not posted.
    """
    now = now_ms()
    with _database(in_force(settings).postgres) as database:
        rows = _rows(database, "resend", id=id_, now=now, since=now - _MISSED_MS)
    if not rows:
        raise Failed(
            f"nothing to post again is stored of {id_}, or a later command of its dispatch has taken its place, "
            "or its partner is not asked over HTTP"
        )
    for row in rows:
        if not row["is_reported"]:
            say(f"{row['command_id']} is posted to {row['partner_id']} again")
    if reported := sum(row["is_reported"] for row in rows):
        say(
            f"left out, as the partner has reported on them: {reported}; "
            "a command or a dispatch that is named is posted all the same"
        )


@app.command("test")
def send_test(partner: PartnerArgument, settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Post a test dispatch to a partner; the engine never hears of it, nor of what is reported on it."""
    now = now_ms()
    dispatch = f"test-{secrets.token_hex(8)}-d1"
    command = DispatchCommand(
        command_id=f"{dispatch}-r1",
        dispatch_id=dispatch,
        action="REQUEST",
        attempt=1,
        incident_id=dispatch.removesuffix("-d1"),
        site_id="TEST",
        partner_id=partner,
        procedure="SECURITY",
        reason="TEST",
        covert=False,
        alert_kinds=("INTRUSION",),
        alert_count=1,
        first_alert_at=now,
        last_alert_at=now,
        address=Address("This is a test", None, "00000", "Nowhere", "FR"),
        instructions="This is a test: send nobody.",
        issued_at=now,
        respond_by=now + _TEST_MS,
        cause="TEST",
    )
    with _database(in_force(settings).postgres) as database:
        is_stored = database.execute(query("put_command"), row_of(command, now, is_test=True)).rowcount
    if not is_stored:
        raise Failed(f"no partner {partner} is asked over HTTP: see `ronde partners add`")
    if as_json:
        print_value({"dispatch_id": dispatch, "command_id": command.command_id})
        return
    say(f"{dispatch} is posted to {partner} by a running `ronde partners`: see `ronde partners attempts {dispatch}`")


@app.command()
def migrate(settings: SettingsOption = None) -> None:
    """Bring the schema `partners` to the shape of this version. Every command and process does so when it starts."""
    with _database(in_force(settings).postgres):
        say("the schema partners is up to date")


@contextmanager
def _database(settings: PostgresSettings) -> Iterator[Session]:
    with connected(settings, "ronde partners, a command") as connection:
        apply(connection)
        yield connection


def _rows(database: Session, name: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query, by the names of its columns."""
    cursor = database.execute(query(name), values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]
