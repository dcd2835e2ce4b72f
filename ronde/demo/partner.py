"""The partners that send guards: take requests, report the guard's progress.

A process of its own that knows the schemas and the topics of contracts.md and nothing else. It plays every
partner of the demonstration; a real one reads the commands that carry its own ``partner_id`` and drops the
rest. Guards do as a script says; the rest is what a real partner does:

- a ``command_id`` seen before is dropped: a command may be read twice, no guard is sent twice;
- a request for a dispatch in progress (a second attempt) sends no second guard;
- ``respond_by``: a request read after it goes unanswered, the engine has asked again or asked another partner;
- ``AMEND`` adds information for the guard and changes no report; ``CANCEL`` turns the guard back;
- the id of a report follows from the command's, so that a restart repeats a report and never doubles it.
"""

import json
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias

import typer

from ronde.demo.agenda import Agenda, Record
from ronde.demo.outside import run


class ScriptedReport(NamedTuple):
    """A report of a partner on a dispatch, ``after`` so many seconds from the request."""

    status: str
    after: float
    disposition: str | None = None


Script: TypeAlias = dict[str, dict[str, list[ScriptedReport]]]  # by site_id, then partner_id; no reports: silence


class Partner:
    """Turns dispatch commands into planned reports. Reads no clock: ``now`` is in ms since 1970, UTC."""

    def __init__(self, script: Script) -> None:
        self.agenda = Agenda()
        self._script = script
        self._seen: set[str] = set()
        self._taken: set[str] = set()  # dispatches that a guard was found for

    def take(self, command: Record, now: int) -> str | None:
        """Handle a `DispatchCommand`; return the owner of its answers, None without any."""
        command_id, dispatch_id = command["command_id"], command["dispatch_id"]
        if command_id in self._seen:
            return None
        self._seen.add(command_id)
        match command["action"]:
            case "REQUEST":
                return self._request(command, now)
            case "CANCEL" if dispatch_id in self._taken:
                self.agenda.withdraw(dispatch_id)
                self._plan(command, ScriptedReport("CLOSED", 0.2, "CANCELLED"), now)
                return str(dispatch_id)
        return None

    def _request(self, command: Record, now: int) -> str | None:
        dispatch_id: str = command["dispatch_id"]
        reports = self._script.get(command["site_id"], {}).get(command["partner_id"], [])
        if not reports or dispatch_id in self._taken or now > command["respond_by"]:
            return None
        self._taken.add(dispatch_id)
        for report in reports:
            self._plan(command, report, now)
        return dispatch_id

    def _plan(self, command: Record, report: ScriptedReport, now: int) -> None:
        reported_at = now + round(report.after * 1000)
        answer: Record = {
            "report_id": f"{command['command_id']}-{report.status.lower()}",
            "site_id": command["site_id"],
            "incident_id": command["incident_id"],
            "dispatch_id": command["dispatch_id"],
            "partner_id": command["partner_id"],
            "status": report.status,
            "disposition": report.disposition,
            "reason": None,
            "reported_at": reported_at,
        }
        self.agenda.plan(reported_at, command["dispatch_id"], answer)


def read_script(path: Path) -> Script:
    """A script from its file: ``{site_id: {partner_id: [report, …]}}``, with the field names of `ScriptedReport`."""
    sites: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(path.read_text(encoding="utf-8"))
    return {
        site_id: {
            partner_id: [ScriptedReport(**report) for report in reports] for partner_id, reports in partners.items()
        }
        for site_id, partners in sites.items()
    }


def main(
    kafka: Annotated[str, typer.Option(help="Where Kafka is, host:port.")],
    prefix: Annotated[str, typer.Option(help="What stands before each topic's name.")],
    script: Annotated[Path, typer.Option(help="Which guard does what (JSON).")],
) -> None:
    """Answer the dispatch commands of a Kafka until SIGTERM."""
    partner = Partner(read_script(script))
    run("partner", partner, kafka=kafka, prefix=prefix, reads="dispatches", writes="dispatch-reports")


if __name__ == "__main__":
    typer.run(main)
