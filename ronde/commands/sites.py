"""`ronde sites`: judge a file, load it, look at a site, put it on test (contracts.md, Values; procedure.md §2)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from ronde.commands import sites_on_test, sites_show
from ronde.input_files.site_lines import SiteLines
from ronde.input_files.site_producer import load
from ronde.input_files.site_spreadsheet import sites_of, unhashed
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.lines import name_of, opened
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, say
from streams.escalation.readiness import readiness
from streams.escalation.values import Readiness

SitesArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE", show_default=False, help="JSON Lines, or CSV when it ends in .csv; - is standard input."
    ),
]
CountryOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="CC", help="CSV: where phone numbers without + belong, as FR.")
]

app = typer.Typer(
    help="Judge a file of sites, load it into Kafka, look at a site, put it on test.", no_args_is_help=True
)
app.command("show")(sites_show.show)
app.command("test")(sites_on_test.put_on_test)

_LONGEST_TABLE: Final = 1000  # rows; of more sites, only those with something to tell
_LARGE: Final = 1_000_000  # bytes of a file that takes long to load
_LONGEST_LIST: Final = 50  # warnings; --json has all


@app.command()
def check(file: SitesArgument, country: CountryOption = None, as_json: JsonOption = False) -> None:
    """Say of each site of a file whether it is ready, and what is missing. No Kafka.

    Exit 1 when a line is no site.
    """
    with opened(file) as lines:
        sites = sites_of(file, lines, country, unhashed)
        judged = [(good.line, readiness(good.site, now=0)) for good in sites.good()]
    totals = _totals([one for _, one in judged], sites)
    if as_json:
        listed = [{"line": line, **_without_time(one)} for line, one in judged]
        typer.echo(json.dumps({"sites": listed, **_told(sites), "totals": totals}, indent=2))
    else:
        _print_table(judged)
        _print_told(sites)
        say(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in totals.items()))
    _fail_on_bad(file, sites)


@app.command("import")
def import_(
    file: SitesArgument, country: CountryOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """Load the sites of a file into the sites topic, and wait until the broker has them.

    Lines that are no sites are named and left out: exit 1. Passwords of a CSV file leave this process as slow hashes.
    """
    wanted = in_force(settings)
    with opened(file) as lines:
        sites = sites_of(file, _shown(lines, file), country)
        try:
            loaded = load(sites, wanted)
        except WrongUse:  # what is wrong above the line that ends the file is worth as much
            if not as_json:
                _print_told(sites)
            raise
    if as_json:
        typer.echo(json.dumps({"loaded": loaded, **_told(sites)}, indent=2))
    else:
        _print_told(sites)
        say(f"{loaded:,} sites loaded into {wanted.topic('sites')}, {len(sites.bad):,} bad lines left out")
    _fail_on_bad(file, sites)


def _shown(lines: Iterator[bytes], file: str) -> Iterator[bytes]:
    """The same lines; on a terminal, a bar shows how far a large file is."""
    size = Path(file).stat().st_size if file != "-" else 0
    if size < _LARGE or not sys.stderr.isatty():
        yield from lines
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("loading", total=size)
        for line in lines:
            yield line
            progress.advance(bar, len(line))


def _totals(judged: list[Readiness], sites: SiteLines) -> dict[str, int]:
    return {
        "sites": len(judged),
        "ready": sum(one.ready for one in judged),
        "need_attention": sum(one.needs_attention for one in judged),
        "not_subscribed": sum(not one.subscribed for one in judged),
        "with_warnings": sum(bool(one.warnings) for one in judged),
        "bad_lines": len(sites.bad),
    }


def _without_time(one: Readiness) -> dict[str, Any]:
    """Readiness as JSON; the time of a decision is none of a check's."""
    fields = one._asdict()
    del fields["at"]
    return fields


def _print_table(judged: list[tuple[int, Readiness]]) -> None:
    shown = judged
    if len(judged) > _LONGEST_TABLE:
        shown = [(line, one) for line, one in judged if one.missing or one.warnings]
        say(f"{len(judged) - len(shown):,} complete sites are not listed; --json lists all")
    if not shown:
        return
    table = Listing("line")
    table.add_column("site")
    for header in ("readiness", "missing", "warnings"):
        table.add_column(header, no_wrap=True)
    for line, one in shown:
        table.add_row(str(line), one.site_id, _state(one), "\n".join(one.missing), "\n".join(one.warnings))
    Terminal().print(table)


def _state(one: Readiness) -> Text:
    if one.needs_attention:
        return Text("! needs attention", style="bold red")
    return Text("ready", style="green") if one.ready else Text("not subscribed", style="dim")


def _print_told(sites: SiteLines) -> None:
    """The bad lines, each; then what is only worth a warning."""
    for bad in sites.bad:
        say(str(bad))
    for doubt in sites.doubts[:_LONGEST_LIST]:
        say(f"warning: {doubt}")
    if len(sites.doubts) > _LONGEST_LIST:
        say(f"warning: {len(sites.doubts) - _LONGEST_LIST:,} more cells are left out; --json lists all")
    repeated = sites.repeated()
    for one in repeated[:_LONGEST_LIST]:
        say(f"warning: {one}")
    if len(repeated) > _LONGEST_LIST:
        say(f"warning: {len(repeated) - _LONGEST_LIST:,} more sites stand in several lines; --json lists all")


def _told(sites: SiteLines) -> dict[str, list[dict[str, Any]]]:
    """The same for a program."""
    return {
        "bad": [bad._asdict() for bad in sites.bad],
        "doubts": [doubt._asdict() for doubt in sites.doubts],
        "repeated": [repeated._asdict() for repeated in sites.repeated()],
    }


def _fail_on_bad(file: str, sites: SiteLines) -> None:
    if sites.bad:
        number = len(sites.bad)
        lines = "1 line is no site" if number == 1 else f"{number:,} lines are no sites"
        raise Failed(f"{name_of(file)}: {lines}; correct what is named above and run this again")
