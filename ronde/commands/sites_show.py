"""`ronde sites show`: a site's record in force, and whether its alerts go through (procedure.md §1, §2)."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeAlias

import typer
from rich.text import Text

from ronde.shared.finding import SiteInForce, site_in_force
from ronde.shared.ledger_options import PersonalOption
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Terminal, print_value
from ronde.shared.topic_reading import opened, recorded
from service import rfc3339
from service.clock import now_ms
from streams.escalation.readiness import readiness
from streams.escalation.values import Site
from streams.formats.json_values import writer
from streams.formats.redaction import masked

SiteArgument: TypeAlias = Annotated[str, typer.Argument(metavar="SITE", show_default=False, help="Its site_id.")]


def show(
    site: SiteArgument, personal: PersonalOption = False, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """Show a site's record in force, whether its alerts go through, and what is missing."""
    effective = in_force(settings)
    with opened(effective, "looking for the site", ["sites"], "sites") as (logs, _):
        found = site_in_force(logs, recorded(effective), site)
    shown = _as_object(found, personal=personal)
    if as_json:
        print_value(shown)
    else:
        _print(shown)


def _as_object(found: SiteInForce, *, personal: bool) -> dict[str, Any]:
    record, site, refused, _ = found
    now = now_ms()
    judged = readiness(site, now)
    value = writer(Site)(site)
    return {
        "site_id": site.site_id,
        "subscribed": site.subscribed,
        "ready": judged.ready,
        "missing": list(judged.missing),
        "warnings": list(judged.warnings),
        "on_test": site.test_until is not None and now < site.test_until,
        "record": f"{record.topic}-{record.partition}-{record.offset}",
        "written_at": rfc3339.write(record.timestamp),
        "later_dead_letters": refused,
        "value": value if personal else masked("Site", value),
    }


def _print(shown: dict[str, Any]) -> None:
    out = Terminal()
    out.print(Text.assemble((shown["site_id"], "bold"), "  ", _state(shown)), soft_wrap=True)
    for what in ("missing", "warnings"):
        for element in shown[what]:
            out.print(Text(f"  {'missing' if what == 'missing' else 'warning'}: {element}"), soft_wrap=True)
    out.print(Text(f"record {shown['record']} of {shown['written_at']}", "dim"), soft_wrap=True)
    if shown["later_dead_letters"]:
        number = shown["later_dead_letters"]
        out.print(
            Text(f"{number} later records of it are dead letters: `ronde dlq list --topic sites`", "red"),
            soft_wrap=True,
        )
    out.print(Text(json.dumps(shown["value"], indent=2, ensure_ascii=False)), soft_wrap=True)


def _state(shown: dict[str, Any]) -> Text:
    if not shown["subscribed"]:
        return Text("not subscribed: its alerts open nothing", "dim")
    if shown["missing"]:
        return Text("! needs attention: its alerts open nothing", "bold red")
    if shown["on_test"]:
        return Text(f"on test until {shown['value']['test_until']}: its alerts open nothing until then", "yellow")
    return Text("ready: its alerts go through", "green")
