"""`ronde send`: inputs from a file or by hand, without writing code (contracts.md, Topics and Values)."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import typer

from ronde.input_files.input_lines import InputLines
from ronde.outcomes import sending
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.lines import FileArgument, name_of, opened
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.suggestions import suggestion
from ronde.shared.terminal import say
from ronde.shared.times import instant
from schemas.contract.topics import INPUT_TOPICS
from service import rfc3339
from service.clock import now_ms

WAIT_SECONDS: Final = 5.0  # a running worker takes some 0.02 s; one that restores, longer than a person waits
WaitOption: TypeAlias = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", min=0, max=600, help="How long to wait for what comes of it; 0: not."),
]


def send(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", show_default=False, help="An input topic, without prefix.")],
    file: FileArgument = "-",
    at: Annotated[
        str, typer.Option(metavar="TIME", help="For values without an instant of their own: RFC 3339, or now.")
    ] = "now",
    wait: WaitOption = WAIT_SECONDS,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send inputs to Kafka: checked, keyed by their site, acknowledged, and what comes of them shown.

    A line is a value, {"alert_id": "A1", "site_id": "S1", "kind": "INTRUSION"}, or one of `ronde simulate` around it.
    Bad lines are named and left out: exit 1. The good ones are sent.
    """
    _known(topic)
    at_ms = now_ms() if at == "now" else instant("--at", at, alternative=", or now")
    effective = in_force(settings)
    on_its_way = sending.Sending(effective, topic)
    with opened(file) as raw:
        sending.prompt_terminal(file)
        lines = InputLines(raw, topic, at_ms)
        try:
            on_its_way.run(lines.good(), lines.refuse, wait)
        except (Failed, WrongUse, KeyboardInterrupt):  # the broker may have some of them
            _print_lines(lines, on_its_way.count or None, effective.topic(topic), at_ms, err=as_json)
            raise
    filled = {"field": lines.instant_field, "instant": rfc3339.write(at_ms), "lines": lines.dated}
    if as_json:
        sending.print_json(on_its_way, bad=[bad._asdict() for bad in lines.bad], filled_in=filled)
    else:
        _print_lines(lines, on_its_way.count, effective.topic(topic), at_ms)
        sending.show(on_its_way, settings, lambda one: f"line {one.line}")
    if lines.bad:
        number = len(lines.bad)
        is_bad = "1 line is no input" if number == 1 else f"{number:,} lines are no inputs"
        raise Failed(f"{name_of(file)}: {is_bad} of {topic}; correct what is named above and send it")
    sending.fail_on_dead_letters(on_its_way)


def _known(topic: str) -> None:
    if topic not in INPUT_TOPICS:
        raise WrongUse(f"there is no input topic {topic!r}; {suggestion(topic, INPUT_TOPICS)}")


def _print_lines(lines: InputLines, sent: int | None, topic: str, at_ms: int, *, err: bool = False) -> None:
    """Say what became of the lines, ``sent`` of them acknowledged, and by which instant they are the same again."""
    for bad in lines.bad:
        say(str(bad), err=err)
    if sent is not None:
        say(f"{sent:,} sent to {topic}, {len(lines.bad):,} bad lines left out", err=err)
    if lines.dated:
        again = f"to send the same again: --at {rfc3339.write(at_ms)}"
        say(f"{lines.dated:,} had no {lines.instant_field}; {again}", err=err)
