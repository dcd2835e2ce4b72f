"""The output of `ronde sites check` and `import` on a file's sites and bad lines."""

from __future__ import annotations

from typing import Any, Final

from rich.text import Text

from ronde.input_files.site_lines import SiteLines
from ronde.shared.terminal import Listing, Terminal, say
from streams.escalation.values import Readiness

_LONGEST_TABLE: Final = 1000  # rows; of more sites, only those with a fault

_LONGEST_LIST: Final = 50  # warnings; --json has all


def totals(judged: list[Readiness], sites: SiteLines) -> dict[str, int]:
    """Count the sites by their readiness, and the bad lines."""
    return {
        "sites": len(judged),
        "ready": sum(one.ready for one in judged),
        "need_attention": sum(one.needs_attention for one in judged),
        "not_subscribed": sum(not one.subscribed for one in judged),
        "with_warnings": sum(bool(one.warnings) for one in judged),
        "bad_lines": len(sites.bad),
    }


def without_time(one: Readiness) -> dict[str, Any]:
    """Return readiness as JSON, without a decision's time, which a check lacks."""
    fields = one._asdict()
    del fields["at"]
    return fields


def print_table(judged: list[tuple[int, Readiness]]) -> None:
    """Print the readiness of each site; of very many, only of those with something missing."""
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


def print_warnings(sites: SiteLines) -> None:
    """Print each bad line, then the warnings."""
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


def warnings(sites: SiteLines) -> dict[str, list[dict[str, Any]]]:
    """The same for a program."""
    return {
        "bad": [bad._asdict() for bad in sites.bad],
        "doubts": [doubt._asdict() for doubt in sites.doubts],
        "repeated": [repeated._asdict() for repeated in sites.repeated()],
    }
