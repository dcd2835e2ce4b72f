"""What becomes of inputs that were just sent: the decisions on them and what these sent, as the topics show it.

Nothing here waits for long: an input that is acknowledged will be handled, whether or not somebody watches.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

from rich.table import Table

from ronde.views.site_timeline.board import Board, InputPosition, Record, as_record
from ronde.views.site_timeline.moments import Inputs, table_of, timeline
from schemas.contract.topics import Log
from streams.formats.topic_values import TopicValues
from streams.kafka.dead_letters import Letter
from streams.kafka.dead_letters import read as read_letter
from streams.kafka.reading import LogRecord, Logs, Span

_LOOK_SECONDS: Final = 0.05
_SENT: Final = ("calls", "dispatches", "attention")
WATCHED: Final = ("decisions", "quarantine", "dead-letters", *_SENT)


class SentInput(NamedTuple):
    """An input that the broker has: its line, where it lies, and its value."""

    line: int
    place: InputPosition
    value: Any


class InputEnds:
    """Reads on from where the topics ended when this was made. Every method may raise what `Logs` raises."""

    def __init__(self, logs: Logs, recorded: TopicValues) -> None:
        self._logs = logs
        self._recorded = recorded
        partitions = logs.require(WATCHED)
        self._reached = logs.offsets.high_watermarks(
            [(name, number) for name in WATCHED for number in range(partitions)]
        )
        self._decisions: dict[InputPosition, list[Record]] = {}
        self._quarantine: dict[InputPosition, Record] = {}
        self._dead: dict[InputPosition, str] = {}
        self._commands: dict[str, tuple[str, Record]] = {}

    def wait(self, sent: Collection[SentInput], seconds: float) -> None:
        """Until every one of them has its end and what it sent is there, at most so long."""
        give_up = time.monotonic() + seconds
        homes = {one.place.partition for one in sent}
        sites = {one.value.site_id.encode() for one in sent}
        while True:
            self._read([log for log in self._reached if log[1] in homes], sites)
            if all(self._is_whole(one.place) for one in sent) or time.monotonic() > give_up:
                return
            time.sleep(_LOOK_SECONDS)

    def has_end(self, place: InputPosition) -> bool:
        """Whether an input was decided, quarantined, or is a dead letter."""
        return place in self._decisions or place in self._quarantine or place in self._dead

    def dead_letter(self, place: InputPosition) -> str | None:
        """Why an input is a dead letter; None: it is none."""
        return self._dead.get(place)

    def decisions(self, place: InputPosition) -> list[Record]:
        """The decisions on an input: one for each incident it touched."""
        return self._decisions.get(place, [])

    def asked(self, place: InputPosition) -> list[Record]:
        """The calls and guards that the decisions on an input asked for."""
        outputs = (output for decision in self.decisions(place) for output in decision["outputs"])
        found = (self._commands[output][1] for output in outputs if output in self._commands)
        return [record for record in found if record.get("action") in {"CALL", "CONFIRM", "REQUEST"}]

    def table(self, sent: SentInput, label: str) -> Table:
        """The end of an input, as a line of the site's timeline, with a text in place of the time."""
        board = Board()
        for decision in self.decisions(sent.place):
            board.take("decisions", decision)
        if sent.place in self._quarantine:
            board.take("quarantine", self._quarantine[sent.place])
        for topic, record in self._commands.values():
            board.take(topic, record)
        inputs: Inputs = {sent.place: as_record(sent.value)}
        moments = timeline(board.site(sent.value.site_id), inputs)
        return table_of(moments, [label] * len(moments))

    def as_object(self, sent: SentInput) -> dict[str, Any]:
        """The same for a program."""
        place = sent.place
        quarantined = self._quarantine.get(place)
        return {
            "line": sent.line,
            **place._asdict(),
            "site_id": sent.value.site_id,
            "decisions": [_shown(decision) for decision in self.decisions(place)],
            "quarantined": quarantined and {name: quarantined[name] for name in ("reason", "missing")},
            "dead_letter": self._dead.get(place),
        }

    def _is_whole(self, place: InputPosition) -> bool:
        decided = self.decisions(place)
        return self.has_end(place) and all(
            output in self._commands for decision in decided for output in decision["outputs"]
        )

    def _read(self, logs: Iterable[Log], sites: Collection[bytes]) -> None:
        for log, end in self._logs.offsets.last_stable(logs).items():
            for record in self._logs.read(Span(*log, self._reached[log], end)):
                if record.key in sites:
                    self._take(record)
            self._reached[log] = max(self._reached[log], end)

    def _take(self, record: LogRecord) -> None:
        if record.topic == "dead-letters":
            letter = read_letter(record)
            if isinstance(letter, Letter) and letter.topic != "state":
                self._dead[InputPosition(letter.topic, letter.partition, letter.offset)] = letter.reason
            return
        decoded = self._recorded.or_none(record.topic, record.value)
        if decoded is None:
            return
        value = as_record(decoded)
        if record.topic in _SENT:
            self._commands[value["attention_id" if record.topic == "attention" else "command_id"]] = record.topic, value
        elif record.topic == "quarantine":
            self._quarantine[InputPosition(**value["input"])] = value
        elif value["input"]["topic"] is not None:
            origin = value["input"]
            place = InputPosition(origin["topic"], origin["partition"], origin["offset"])
            self._decisions.setdefault(place, []).append(value)


def _shown(decision: Record) -> dict[str, Any]:
    names = ("decision_id", "incident_id", "rule", "phase_from", "phase_to", "outputs")
    return {name: decision[name] for name in names}
