"""`ronde portal`: where customers configure the service; sites loaded into it from a file."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Iterator
from typing import Annotated, Final, TypeAlias

import psycopg
import typer

from edges.database.postgres import opened, pool
from edges.errors import DatabaseAwayError
from edges.portal.process import PortalProcess
from edges.portal.relay import TRANSACTION_SECONDS
from edges.portal.rows import Edit
from edges.portal.sql import migrate as apply
from edges.portal.store import Store
from ronde.input_files.loading import cut_short
from ronde.input_files.site_lines import Good, SiteLines
from ronde.input_files.site_spreadsheet import sites_of
from ronde.shared.database import connected, refused
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.lines import CountryOption, fail_on_bad
from ronde.shared.lines import opened as opened_lines
from ronde.shared.serving import serve
from ronde.shared.settings import JsonOption, SettingsOption, in_force, require_transactions
from ronde.shared.terminal import print_value, say
from ronde.shared.whole_settings import WholeSettings
from ronde.views.site_file import print_warnings, warnings
from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from schemas.contract.topics import OUTPUT_VALUE_BYTES
from service.clock import now_ms
from service.postgres_settings import PostgresSettings
from streams.escalation.values import Site

app = typer.Typer(invoke_without_command=True)

_AT_ONCE: Final = 200  # sites of one transaction
_BY: Final = "ronde portal import"
FileArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="FILE", show_default=False, help="As of `ronde sites import`; - is standard input.")
]


@app.callback()
def portal(context: typer.Context, settings: SettingsOption = None) -> None:
    """Serve the portal, where customers configure the service, or load sites into it.

    Without a command: serve pages and API of the service's configuration. Ends on SIGTERM or Ctrl-C.

    Start as many as you like, each under an id of its own; one of them passes changes on to Kafka. Exit 1 when it
    cannot go on and waiting would not help.
    """
    if context.invoked_subcommand is not None:
        return
    serve(settings, _process)


def _process(effective: WholeSettings) -> PortalProcess:
    require_transactions(effective, TRANSACTION_SECONDS * 1000)
    return PortalProcess(effective.for_portal())


@app.command()
def migrate(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Bring the portal's database to the shape of this version. Every portal does so when it starts."""
    applied = _migrate(in_force(settings).postgres)
    if as_json:
        print_value([{"number": number, "name": name} for number, name in applied])
        return
    for number, name in applied:
        say(f"migration {number}: {name}")
    say("the portal's database is up to date")


@app.command("import")
def import_(
    file: FileArgument, country: CountryOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """Load the sites of a file into the portal's database; a running portal passes them on to Kafka.

    The portal holds them from then on: their contacts who are owners or members become their people. Lines that are no
    sites are named and left out: exit 1.
    """
    postgres = in_force(settings).postgres
    _migrate(postgres)
    with opened_lines(file) as lines:
        sites = sites_of(file, lines, country)
        try:
            loaded = asyncio.run(_load(postgres, sites))
        except DatabaseAwayError:
            raise Failed("PostgreSQL does not answer; run this again, what is loaded is only replaced") from None
        except psycopg.Error as error:
            raise refused(error) from None
        except WrongUse:  # the bad lines above the line that ends the file matter as much
            if not as_json:
                print_warnings(sites)
            raise
    if as_json:
        print_value({"loaded": loaded, **warnings(sites)})
    else:
        print_warnings(sites)
        say(f"{loaded:,} sites loaded into the portal, {len(sites.bad):,} bad lines left out")
    fail_on_bad(file, sites.bad, "site")


async def _load(postgres: PostgresSettings, sites: SiteLines) -> int:
    """Return how many were loaded. Raises `WrongUse`, which counts them, where the file cannot be read to its end."""
    loaded = 0
    end: WrongUse | None = None  # what the file ends by, before its end
    good = _storable(sites)
    async with opened(pool(postgres, "ronde portal import")) as connections:
        store = Store(connections)
        while end is None:
            batch: list[Site] = []
            try:
                batch.extend(line.site for line in itertools.islice(good, _AT_ONCE))
            except WrongUse as error:
                end = error
            if not batch:
                break
            by_id = {site.site_id: site for site in batch}  # of a site in several lines the last one counts
            request = hashlib.sha256(repr(sorted(by_id)).encode()).digest()
            await store.load_sites(list(by_id.values()), Edit(_BY, "import", request, now_ms()))
            loaded += len(batch)
    if end is not None:
        raise cut_short(end, loaded, len(sites.bad), "sites")
    return loaded


def _storable(sites: SiteLines) -> Iterator[Good]:
    """The sites that PostgreSQL can keep (on Kafka a text may hold U+0000, there none) and Kafka can take."""
    schema = load("Site")
    encode = writer(schema, single_object(schema))
    for good in sites.good():
        if _has_nul(good.site):
            sites.refuse(good.line, "INVALID", "a text holds the character U+0000, which PostgreSQL does not keep")
        elif len(encode(good.site)) > OUTPUT_VALUE_BYTES:
            sites.refuse(good.line, "TOO_LONG", f"its record takes more than {OUTPUT_VALUE_BYTES:,} bytes")
        else:
            yield good


def _has_nul(value: object) -> bool:
    return "\0" in value if isinstance(value, str) else isinstance(value, tuple) and any(map(_has_nul, value))


def _migrate(settings: PostgresSettings) -> list[tuple[int, str]]:
    with connected(settings, "ronde portal migrate") as connection:
        return [(migration.number, migration.name) for migration in apply(connection)]
