"""`ronde answer`: the result of a call, by hand (contracts.md, CallResult)."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer

from ronde.commands.send import WAIT_SECONDS, WaitOption
from ronde.input_files.input_lines import Input
from ronde.outcomes import sending
from ronde.shared import finding
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.suggestions import suggestion
from ronde.shared.terminal import say
from ronde.shared.topic_reading import opened, recorded
from schemas.contract.content_ids import result_id
from service.clock import now_ms
from streams.escalation.names import Outcome, Situation
from streams.escalation.values import CallResult


def answer(
    command: Annotated[str, typer.Argument(metavar="COMMAND", show_default=False, help="The call's command_id.")],
    outcome: Annotated[
        str,
        typer.Argument(
            metavar="OUTCOME",
            show_default=False,
            help="IDENTIFIED, NOT_IDENTIFIED, WRONG_CODE, DURESS_CODE or NO_ANSWER.",
        ),
    ],
    situation: Annotated[
        str,
        typer.Argument(metavar="[SITUATION]", show_default=False, help="NORMAL, ABNORMAL or UNKNOWN (the default)."),
    ] = "UNKNOWN",
    message_left: Annotated[bool, typer.Option("--message-left", help="A message was left.")] = False,
    detail: Annotated[str | None, typer.Option(metavar="TEXT", help="What else there is to say.")] = None,
    operator: Annotated[str | None, typer.Option(metavar="NAME", help="Who spoke.")] = None,
    wait: WaitOption = WAIT_SECONDS,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what came of a call that ronde asked for, and see what it decides.

    The same answer to the same call is the same result: sent twice, it counts once while the incident is open. Another
    answer is another result.
    An answer to a call that is over counts as a callback.
    """
    came: Outcome = _symbol("OUTCOME", outcome, get_args(Outcome))
    said_situation: Situation = _symbol("SITUATION", situation, get_args(Situation))
    effective = in_force(settings)
    with opened(effective, "looking for the call", ["calls"], "desk") as (logs, _):
        call = finding.call_command(logs, recorded(effective), command)
    if call.action == "CANCEL":
        raise Failed(f"{command} withdraws the call {call.target_command_id}: there is nothing to answer")
    result = CallResult(
        result_id=result_id(command, came, said_situation, detail, message_left=message_left),
        site_id=call.site_id,
        incident_id=call.incident_id,
        command_id=command,
        contact_id=call.contact_id,
        direction="OUTBOUND",
        outcome=came,
        situation=said_situation,
        message_left=message_left,
        detail=detail,
        operator=operator,
        ended_at=now_ms(),
    )
    on_its_way = sending.Sending(effective, "call-results")
    sending.give(on_its_way, Input(1, result.site_id, result), wait)
    if as_json:
        sending.print_json(on_its_way, result_id=result.result_id)
    else:
        say(f"{result.result_id} is in {effective.topic('call-results')}")
        sending.show(on_its_way, settings, lambda _: "now")
    sending.fail_on_dead_letters(on_its_way)


def _symbol(what: str, text: str, symbols: tuple[str, ...]) -> Any:
    """Return the symbol of a text in upper or lower case. Raises `WrongUse`."""
    symbol = text.upper().replace("-", "_")
    if symbol in symbols:
        return symbol
    raise WrongUse(f"{what}: there is no {text!r}; {suggestion(symbol, symbols)}")
