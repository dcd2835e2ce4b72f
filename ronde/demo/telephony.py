"""A telephony: places the commanded calls and reports each result.

A process of its own that knows the schemas and the topics of contracts.md and nothing else: not the
procedure, not the engine. People answer as a script says, so that a demonstration ends as planned; put
a dialler in its place and the rest is what a real telephony does:

- a ``command_id`` seen before is dropped: a command may be read twice, nobody is called twice;
- ``expires_at``: a call is not placed after it, as the engine has continued by then;
- ``CANCEL`` withdraws a call; one that was not answered yet gives no result;
- ``CONFIRM`` continues a call: it asks for the code once more;
- the id of a result follows from the command's, so that a restart repeats a result and never doubles it.
"""

import json
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeAlias

import typer

from ronde.demo.agenda import Agenda, Record
from ronde.demo.outside import run


class Reply(NamedTuple):
    """How a call is answered. The first reply of a site that fits a command counts; None fits any.

    ``after`` is in seconds from the call; ``outcome`` None: it rings on and no result ever comes.
    ``calls_back`` (seconds after the result): the person finds the message, calls, and is identified.
    """

    outcome: str | None
    situation: str = "NORMAL"
    contact: str | None = None
    round: int | None = None
    action: str = "CALL"
    after: float = 0.6
    detail: str | None = None
    calls_back: float | None = None

    def fits(self, command: Record) -> bool:
        """True when this is the reply to that command."""
        return (
            self.action == command["action"]
            and self.contact in {None, command["contact_id"]}
            and self.round in {None, command["round"]}
        )


Script: TypeAlias = dict[str, list[Reply]]  # by site_id
AT_HOME = Reply("IDENTIFIED")  # of a site the script does not name


class Telephony:
    """Turns call commands into planned results. Reads no clock: ``now`` is in ms since 1970, UTC."""

    def __init__(self, script: Script) -> None:
        self.agenda = Agenda()
        self._script = script
        self._seen: set[str] = set()

    def take(self, command: Record, now: int) -> str | None:
        """Handle a `CallCommand`; return the owner of its answers, None without any."""
        command_id: str = command["command_id"]
        if command_id in self._seen:
            return None
        self._seen.add(command_id)
        if command["action"] == "CANCEL":
            self.agenda.withdraw(command["target_command_id"])
            return None
        if now > command["expires_at"]:
            return None
        reply = next((reply for reply in self._script.get(command["site_id"], [AT_HOME]) if reply.fits(command)), None)
        if reply is None or reply.outcome is None:
            return None
        ended_at = now + round(reply.after * 1000)
        self.agenda.plan(ended_at, command_id, _result(command, reply, ended_at))
        if reply.calls_back is not None:
            called_at = ended_at + round(reply.calls_back * 1000)
            self.agenda.plan(called_at, command_id, _callback(command, called_at))
        return command_id


def _result(command: Record, reply: Reply, ended_at: int) -> Record:
    """The `CallResult` of a call that was placed."""
    return {
        "result_id": f"{command['command_id']}-result",
        "site_id": command["site_id"],
        "incident_id": command["incident_id"],
        "command_id": command["command_id"],
        "contact_id": command["contact_id"],
        "direction": "OUTBOUND",
        "outcome": reply.outcome,
        "situation": reply.situation,
        "message_left": reply.outcome == "NO_ANSWER" and command["leave_message"],
        "detail": reply.detail,
        "operator": None,
        "ended_at": ended_at,
    }


def _callback(command: Record, called_at: int) -> Record:
    """The `CallResult` of someone who calls back: inbound, it names the incident and answers no command."""
    return {
        "result_id": f"{command['command_id']}-callback",
        "site_id": command["site_id"],
        "incident_id": command["incident_id"],
        "command_id": None,
        "contact_id": command["contact_id"],
        "direction": "INBOUND",
        "outcome": "IDENTIFIED",
        "situation": "NORMAL",
        "message_left": False,
        "detail": "called back",
        "operator": None,
        "ended_at": called_at,
    }


def read_script(path: Path) -> Script:
    """A script from its file: ``{site_id: [reply, …]}``, a reply with the field names of `Reply`."""
    sites: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return {site_id: [Reply(**reply) for reply in replies] for site_id, replies in sites.items()}


def main(
    kafka: Annotated[str, typer.Option(help="Where Kafka is, host:port.")],
    prefix: Annotated[str, typer.Option(help="What stands before each topic's name.")],
    script: Annotated[Path, typer.Option(help="Who answers what (JSON).")],
) -> None:
    """Answer the call commands of a Kafka until SIGTERM."""
    telephony = Telephony(read_script(script))
    run("telephony", telephony, kafka=kafka, prefix=prefix, reads="calls", writes="call-results")


if __name__ == "__main__":
    typer.run(main)
