"""`ronde sites`: check a file, load it, show a site, put it on test (contracts.md, Values; procedure.md §2)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer
from rich.console import Console
from rich.progress import Progress

from ronde.commands import sites_on_test, sites_show
from ronde.input_files.loading import load
from ronde.input_files.site_spreadsheet import sites_of, unhashed
from ronde.shared.errors import WrongUse
from ronde.shared.lines import CountryOption, TableArgument, fail_on_bad, opened
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value, say
from ronde.views.site_file import print_table, print_warnings, totals, warnings, without_time
from streams.escalation.readiness import readiness

app = typer.Typer(no_args_is_help=True)
app.command("show")(sites_show.show)
app.command("test")(sites_on_test.put_on_test)

_LARGE: Final = 1_000_000  # bytes of a file that takes long to load


@app.command()
def check(file: TableArgument, country: CountryOption = None, as_json: JsonOption = False) -> None:
    """Say of each site of a file whether it is ready, and what is missing. No Kafka.

    Exit 1 when a line is no site.
    """
    with opened(file) as lines:
        sites = sites_of(file, lines, country, unhashed)
        judged = [(good.line, readiness(good.site, now=0)) for good in sites.good()]
    counts = totals([one for _, one in judged], sites)
    if as_json:
        listed = [{"line": line, **without_time(one)} for line, one in judged]
        print_value({"sites": listed, **warnings(sites), "totals": counts})
    else:
        print_table(judged)
        print_warnings(sites)
        say(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
    fail_on_bad(file, sites.bad, "site")


@app.command("import")
def import_(
    file: TableArgument, country: CountryOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """Load the sites of a file into the sites topic, and wait until the broker has them.

    Lines that are no sites are named and left out: exit 1. Passwords of a CSV file leave this process as slow hashes.
    """
    effective = in_force(settings)
    with opened(file) as lines:
        sites = sites_of(file, _shown(lines, file), country)
        try:
            loaded = load(sites, effective, "sites")
        except WrongUse:  # the bad lines above the line that ends the file matter as much
            if not as_json:
                print_warnings(sites)
            raise
    if as_json:
        print_value({"loaded": loaded, **warnings(sites)})
    else:
        print_warnings(sites)
        say(f"{loaded:,} sites loaded into {effective.topic('sites')}, {len(sites.bad):,} bad lines left out")
    fail_on_bad(file, sites.bad, "site")


def _shown(lines: Iterator[bytes], file: str) -> Iterator[bytes]:
    """Yield the lines; on a terminal, a bar shows the progress of a large file."""
    size = Path(file).stat().st_size if file != "-" else 0
    if size < _LARGE or not sys.stderr.isatty():
        yield from lines
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("loading", total=size)
        for line in lines:
            yield line
            progress.advance(bar, len(line))
