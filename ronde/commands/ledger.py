"""`ronde ledger`: the ledger's own shape, how long it remembers, and whom it forgets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ronde.shared.errors import Failed, WrongUse
from ronde.shared.ledger_options import ledger
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value, say
from sinks.database.migrate import migrate as apply
from sinks.errors import Away, SinkError
from sinks.forget.erasures import Erasure, carry_out, create_topic, ends_now, parse, send
from sinks.forget.retention import retain as remove

app = typer.Typer(no_args_is_help=True)


@app.command()
def migrate(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Bring the ledger to the shape of this version. Every sink does so when it starts."""
    with ledger(settings, "ledger migrate") as connection:
        applied = apply(connection)
    if as_json:
        print_value([{"number": one.number, "name": one.name} for one in applied])
        return
    for one in applied:
        say(f"migration {one.number}: {one.name}")
    say("the ledger is up to date")


@app.command()
def retain(
    months: Annotated[int, typer.Option(min=1, max=1200, metavar="N", help="Whole months to keep, beside this one.")],
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what is older than so many months. Incidents that are open, or were closed since, keep their row."""
    with ledger(settings, "ledger retain") as connection:
        removed = remove(connection, months, datetime.now(UTC).date())
    if as_json:
        print_value({**removed._asdict(), "before": removed.before.isoformat()})
        return
    for name in removed.partitions:
        say(f"removed {name}")
    say(f"{removed.incidents:,} incidents closed before {removed.before} removed")


@app.command()
def erase(
    contact: Annotated[str | None, typer.Option(metavar="ID", help="A contact: name, phone, what was noted.")] = None,
    site: Annotated[
        str | None, typer.Option(metavar="ID", help="A site: also address, instructions. With --contact: there only.")
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Remove personal data from every record up to now, and leave the timelines whole.

    The erasure itself is kept on a topic: a ledger rebuilt from the topics does not bring the data back.
    """
    if not contact and not site:
        raise WrongUse("name whom to forget: --contact ID, --site ID, or both")
    erasure = Erasure(site or "", contact or "", datetime.now(UTC))
    try:
        parse(erasure.value())  # as sinks do, which erase nothing for what they cannot read
    except ValueError as error:
        raise WrongUse(f"this names nobody whom a record can be about: {error}") from None
    effective = in_force(settings)
    configuration = effective.for_sink()
    try:
        create_topic(configuration)
        erasure = erasure._replace(ends=ends_now(configuration))
        send(configuration, effective.client("producer"), erasure)
    except (Away, SinkError) as error:
        raise Failed(f"nothing was erased: {error}") from None
    try:
        with ledger(settings, "ledger erase") as connection:
            records = carry_out(connection, erasure)
    except Failed as error:
        raise Failed(
            f"the erasure is on its topic, and the next sink carries it out; it is not done yet: {error}"
        ) from None
    if records == 0:
        say("nothing personal is in the ledger under this id; is it the right one? The erasure is kept all the same")
    elif records is None:
        say("erased, by a sink that was quicker")
    else:
        say(f"erased: {records:,} {'record' if records == 1 else 'records'} held something personal")
