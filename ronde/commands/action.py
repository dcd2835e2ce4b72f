"""`ronde action`: an operator's decision, by hand (contracts.md, OperatorAction; procedure.md §5)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ronde.commands.send import WAIT_SECONDS, WaitOption
from ronde.input_files.input_lines import Input
from ronde.outcomes import sending
from ronde.shared import finding
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import say
from ronde.shared.topic_reading import opened, recorded
from service import rfc3339
from service.clock import now_ms
from streams.escalation.names import OperatorVerb
from streams.escalation.readiness import is_empty
from streams.escalation.values import Decision, OperatorAction
from streams.formats.validation import admit

IncidentArgument: TypeAlias = Annotated[str, typer.Argument(metavar="INCIDENT", show_default=False, help="Its id.")]
ReasonOption: TypeAlias = Annotated[
    str, typer.Option(metavar="TEXT", show_default=False, help="Why; it stays with it.")
]
OperatorOption: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", show_default=False, help="Who says so; it stays with it.")
]

app = typer.Typer(no_args_is_help=True)


@app.command()
def close(
    incident: IncidentArgument,
    reason: ReasonOption,
    operator: OperatorOption,
    wait: WaitOption = WAIT_SECONDS,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close an incident. Its outstanding call or dispatch is withdrawn."""
    _act("CLOSE", incident, reason, operator, wait, settings, as_json=as_json)


@app.command()
def dispatch(
    incident: IncidentArgument,
    reason: ReasonOption,
    operator: OperatorOption,
    wait: WaitOption = WAIT_SECONDS,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a guard; where one was asked for already, ask the next partner.

    The same words again are the same action, and send nobody: for another guard, give another reason.
    """
    _act("DISPATCH", incident, reason, operator, wait, settings, as_json=as_json)


def _act(
    verb: OperatorVerb, incident: str, reason: str, operator: str, wait: float, settings: Path | None, *, as_json: bool
) -> None:
    for option, text in (("--reason", reason), ("--operator", operator)):
        if is_empty(text):
            raise WrongUse(f"{option} is empty: it says {'why' if option == '--reason' else 'who'}, and is kept")
    effective = in_force(settings)
    with opened(effective, "looking for the incident", ["decisions"], "desk") as (logs, _):
        last = finding.last_decision(logs, recorded(effective), incident)
    action = OperatorAction(
        action_id=action_id(verb, incident, reason, operator),
        site_id=last.site_id,
        incident_id=incident,
        action=verb,
        reason=reason,
        operator=operator,
        taken_at=now_ms(),
    )
    if refused := admit(action, action.site_id):
        raise WrongUse(refused.error)
    on_its_way = sending.Sending(effective, "operator-actions")
    is_done = _is_over(last, action.action_id)
    if not is_done:
        sending.give(on_its_way, Input(1, action.site_id, action), wait)
    if as_json:
        sending.print_json(on_its_way, action_id=action.action_id)
    elif is_done:
        say(f"{action.action_id} closed incident {incident} before: nothing is sent")
    else:
        say(f"{action.action_id} is in {effective.topic('operator-actions')}")
        sending.show(on_its_way, settings, lambda _: "now")
    sending.fail_on_dead_letters(on_its_way)


def action_id(verb: str, incident: str, reason: str, operator: str) -> str:
    """Derive the id from the content: the same action twice has one id."""
    said = "\0".join((verb, reason, operator))
    return f"{incident}-{verb.lower()}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def _is_over(last: Decision, action: str) -> bool:
    """Whether this action closed the incident. Raises `Failed` if another one did."""
    if last.phase_to != "CLOSED":
        return False
    if last.input.id != action:
        raise Failed(
            f"incident {last.incident_id} is closed since {rfc3339.write(last.at)} ({last.rule}): nothing is sent"
        )
    return True
