"""`ronde replay`: the core decides the inputs of the log again, and must decide the same (procedure.md §7)."""

from __future__ import annotations

from typing import Annotated

import typer

from ronde.shared.errors import Failed, WrongUse
from ronde.shared.ledger_options import PersonalOption
from ronde.shared.settings import JsonOption, SettingsOption, in_force, known_procedures
from ronde.shared.terminal import print_value
from ronde.shared.topic_reading import opened, recorded
from ronde.views.replay import as_object, print_replayed, summary
from schemas.contract.murmur2 import partition
from streams.replay.history import History
from streams.settings import Settings


def replay(
    site: Annotated[str | None, typer.Option(metavar="ID", help="The site whose decisions are replayed.")] = None,
    incident: Annotated[
        str | None, typer.Option(metavar="ID", help="An incident; with --site it is found without a search.")
    ] = None,
    settings: SettingsOption = None,
    personal: PersonalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read what came in for a site, decide it again at the recorded times, and compare with what was decided then.

    Decisions, commands, attention and quarantine records are compared field by field. Exit 1 with the first that
    differs. What the log does not have any more is named and left out.
    """
    if not site and not incident:
        raise WrongUse("name what to replay: --site ID or --incident ID")
    effective = in_force(settings)
    with opened(effective, "reading") as (logs, total):
        history = History(logs, recorded(effective), known_procedures(effective), total)
        site_id, number = (site, partition(site.encode(), history.partitions)) if site else (None, None)
        if incident and site_id is None:
            site_id, number = history.home_of(incident) or (None, None)
        replayed = None if number is None else history.replay(number, site_id, incident)
    if replayed is None or replayed.is_empty:
        raise Failed(_nothing(effective, site, incident))
    verdict = replayed.verdict
    if as_json:
        print_value(as_object(site_id, replayed, personal=personal))
    else:
        print_replayed(replayed, incident, personal=personal)
    unknown = {one.procedure_version for one in verdict.unchecked if one.procedure_version is not None}
    if verdict.differences:
        raise Failed(summary(verdict.differences))
    if unknown:
        raise Failed(
            f"the procedure {', '.join(sorted(unknown))} is not known: give the --settings that it was decided under"
        )
    if not verdict.decisions and not verdict.quarantined:
        raise Failed("nothing of it could be replayed: the log does not have enough of it any more")


def _nothing(settings: Settings, site: str | None, incident: str | None) -> str:
    named = " and ".join(f"{what} {name}" for what, name in (("site", site), ("incident", incident)) if name)
    return (
        f"{settings.topic('decisions')} has nothing of {named}: see that the id is right, and the prefix "
        f"{settings.prefix!r}"
    )
