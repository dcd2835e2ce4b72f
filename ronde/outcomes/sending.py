"""What the commands that give an input share: it is sent, acknowledged, and what comes of it is shown."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from rich.text import Text

from ronde.input_files.input_lines import Input
from ronde.input_files.input_producer import InputProducer, TooLargeError
from ronde.outcomes.input_ends import WATCHED, InputEnds, SentInput
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.plain import plain
from ronde.shared.terminal import Terminal, print_value, say
from ronde.shared.topic_reading import recorded
from ronde.views.site_timeline.board import InputPosition
from schemas.avro.errors import RegistryNotSet, RegistryUnreachable
from service import rfc3339
from streams.kafka.offsets import ReadingError
from streams.kafka.reading import Logs
from streams.kafka.topics import TopicsError
from streams.settings import Settings

_SHOWN: Final = 20  # inputs; of more, the topics show what becomes of them

Refuse: TypeAlias = Callable[[int, str, str], None]


class Sending:
    """Inputs of one topic on their way, and what came of the first of them."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self.topic = topic
        self.count = 0
        self.sent: list[SentInput] = []  # the first
        self.ends: InputEnds | None = None
        self.unseen = ""  # why nothing can be seen of what comes
        self._settings = settings

    @property
    def is_shown(self) -> bool:
        """Whether they are few enough to show what came of each."""
        return self.count <= _SHOWN and self.ends is not None

    @property
    def pending(self) -> list[SentInput]:
        """Those that nothing has come of yet."""
        return [sent for sent in self.sent if self.ends is None or not self.ends.has_end(sent.place)]

    def run(self, inputs: Iterable[Input], refuse: Refuse, wait: float) -> None:
        """Send all, wait for the broker, then for what comes of them. Raises `Failed`.

        ``refuse`` hears of a line whose value no record has room for.
        """
        places: dict[int, InputPosition] = {}
        first: dict[int, Any] = {}

        def acknowledged(line: int, partition: int, offset: int) -> None:
            if line in first:
                places[line] = InputPosition(self.topic, partition, offset)

        producer = InputProducer(self._settings, self.topic, acknowledged)
        with self._watching(wait):
            for line, key, value in inputs:
                if len(first) < _SHOWN:
                    first[line] = value
                try:
                    producer.send(key, value, line)
                except TooLargeError as error:
                    first.pop(line, None)
                    refuse(line, "TOO_LONG", str(error))
                if producer.refused:
                    break
            producer.finish()
            self.count = producer.sent
            self.sent = [SentInput(line, places[line], value) for line, value in first.items() if value is not None]
            if self.is_shown and self.sent and self.ends is not None:
                with self._seeing():
                    self.ends.wait(self.sent, wait)

    @contextmanager
    def _watching(self, wait: float) -> Iterator[None]:
        """Have the ends at hand, where anybody waits for them and they can be read."""
        if not wait or self.topic == "sites":  # of a site comes its readiness, which does not name its record
            yield
            return
        logs = None
        with self._seeing():
            logs = Logs(self._settings, only=WATCHED)
            self.ends = InputEnds(logs, recorded(self._settings))
        try:
            yield
        finally:
            if logs is not None:
                logs.close()

    @contextmanager
    def _seeing(self) -> Iterator[None]:
        """Who may write here need not be let read there: then nothing is shown, and nothing fails."""
        try:
            yield
        except (ReadingError, TopicsError, RegistryNotSet, RegistryUnreachable) as error:
            self.ends, self.unseen = None, str(error)


def give(sending: Sending, given: Input, wait: float) -> None:
    """Send one input that a command made. Raises `Failed`, and `WrongUse` for what no record has room for."""

    def refuse(_line: int, _reason: str, error: str) -> None:
        raise WrongUse(error)

    sending.run([given], refuse, wait)


def show(sending: Sending, settings: Path | None, label: Callable[[SentInput], str]) -> None:
    """Print what came of the inputs, and how to go on."""
    if sending.unseen:
        say(f"what comes of it cannot be seen from here: {sending.unseen}")
    if not sending.is_shown:
        return
    assert sending.ends is not None
    out = Terminal()
    option = "" if settings is None else f" --settings {shlex.quote(str(settings))}"
    last: dict[str, dict[str, Any]] = {}  # the last decision of each incident
    for sent in sending.sent:
        out.print(sending.ends.table(sent, label(sent)))
        last |= {made["incident_id"]: made for made in sending.ends.decisions(sent.place) if made["incident_id"]}
    for incident, decision in last.items():
        until = "" if decision["deadline"] is None else f" until {rfc3339.write(decision['deadline'])}"
        out.print(Text(f"incident {incident} is {decision['phase_to']}{until}"), soft_wrap=True)
    rules = [decision["rule"] for sent in sending.sent for decision in sending.ends.decisions(sent.place)]
    if any(rule.startswith("DUPLICATE_") for rule in rules):
        say("what is a duplicate was said before, and changes nothing")
    asked = {command["incident_id"]: command for sent in sending.sent for command in sending.ends.asked(sent.place)}
    for command in asked.values():
        out.print(Text(plain(f"{_next(command)}{option}")), soft_wrap=True)
    if sending.pending:
        say(
            f"nothing has come of {len(sending.pending)} of {sending.count} yet: acknowledged is acknowledged, and a "
            "worker will handle it. Is one running (`ronde worker`)?"
        )


def as_objects(sending: Sending) -> list[dict[str, Any]]:
    """What came of the inputs, for a program."""
    if not sending.is_shown or sending.ends is None:
        return []
    return [sending.ends.as_object(sent) for sent in sending.sent]


def fail_on_dead_letters(sending: Sending) -> None:
    """An input that is acknowledged and can still not be handled has failed."""
    if sending.ends is None:
        return
    dead = {sent.line: reason for sent in sending.sent if (reason := sending.ends.dead_letter(sent.place))}
    if dead:
        reasons = ", ".join(f"line {line}: {reason}" for line, reason in dead.items())
        raise Failed(f"{len(dead)} of them became dead letters ({reasons}): `ronde dlq list --topic {sending.topic}`")


def prompt_terminal(file: str) -> None:
    """Tell a person at the terminal that the command waits for input."""
    if file == "-" and sys.stdin.isatty():
        say("reading JSON from the terminal, a value a line; Ctrl-D ends", err=True)


def print_json(sending: Sending, **more: Any) -> None:
    """One JSON value of what was sent and what came of it."""
    print_value({"topic": sending.topic, "sent": sending.count, "ends": as_objects(sending), **more})


def _next(command: dict[str, Any]) -> str:
    """The command line that says what came of a call, or of a request for a guard."""
    if "contact_id" in command:
        return f"to answer for {command['contact_id']}: ronde answer {command['command_id']} IDENTIFIED NORMAL"
    report = {name: command[name] for name in ("site_id", "incident_id", "dispatch_id", "partner_id")}
    value = json.dumps({"report_id": f"{command['dispatch_id']}-accepted", **report, "status": "ACCEPTED"})
    return f"to report for {command['partner_id']}: echo {shlex.quote(value)} | ronde send dispatch-reports"
