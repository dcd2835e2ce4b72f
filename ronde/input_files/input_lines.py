"""The lines of a file as inputs of one topic, checked as strictly as what a person types must be.

A line is the value, or a line of `ronde simulate` around it. A producer's unknown field or symbol may be a newer
schema's, and is read by Avro's rules; here it is a typing error, and the line is bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from ronde.input_files.site_lines import Bad, json_lines
from ronde.shared.suggestions import suggestion
from schemas.avro.generated.shapes import Array, Enum, Primitive, Record, Shape, Union, shape_of
from schemas.avro.loader import load
from schemas.contract.topics import TOPICS
from service import rfc3339
from streams.escalation.values import Event, Instant, Site
from streams.formats.validation import DeadLetterCause
from streams.simulation.scenario import value_of

_LINE: Final = ("at", "topic", "key", "value")  # of `ronde simulate`


class Input(NamedTuple):
    """A line, counted from 1, that is an input; ``value`` None deletes the site that is its key."""

    line: int
    key: str
    value: Site | Event | None


class _BadLineError(ValueError):
    """What is wrong with a line."""


class InputLines:
    """Reads the lines of a file, and keeps what was wrong with them.

    ``at`` stands for the value's own instant (`raised_at`, `ended_at`, …) where it has none.
    """

    def __init__(self, lines: Iterable[bytes], topic: str, at: Instant) -> None:
        self.bad: list[Bad] = []
        self.dated = 0  # how many inputs had no instant of their own
        self._lines = lines
        self._topic = topic
        self._at = rfc3339.write(at)
        shape = shape_of(load(TOPICS[topic].schema or ""))
        assert isinstance(shape, Record)
        self._shape = shape
        self.instant_field = next(
            field.name for field in shape.fields if isinstance(field.shape, Primitive) and field.shape.is_instant
        )

    def good(self) -> Iterator[Input]:
        """The inputs, in the order of their lines; blank lines are none."""
        for number, line in json_lines(self._lines, self.refuse):
            try:
                key, value, is_dated = self._unwrapped(line)
                read = value_of(self._topic, key, value)
            except _BadLineError as error:
                self.refuse(number, "UNDECODABLE", str(error))
                continue
            if isinstance(read, DeadLetterCause):
                self.refuse(number, *read)
            else:
                self.dated += is_dated
                yield Input(number, str(key) if read is None else read.site_id, read)

    def refuse(self, line: int, reason: str, error: str) -> None:
        """Note a line that is not an input, or is too large for the topic."""
        self.bad.append(Bad(line, reason, error))

    def _unwrapped(self, line: object) -> tuple[object, object, bool]:
        """Key, value, and whether it took `at`; raises `_BadLineError` for a slip."""
        key, value = None, line
        if isinstance(line, dict) and "value" in line:
            for name in line:
                if name not in _LINE:
                    raise _BadLineError(_no_field(name, _LINE))
            topic = line.get("topic", self._topic)
            if topic != self._topic:
                raise _BadLineError(f"topic: it is for {topic!r}, and this sends to {self._topic}")
            key, value = line.get("key"), line["value"]
        if isinstance(value, dict):
            if slip := next(_slips(self._shape, value, ""), None):
                raise _BadLineError(slip)
            if self.instant_field not in value:
                return key, {**value, self.instant_field: self._at}, True
        return key, value, False


def _slips(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Return each field and symbol that the schema lacks; its reader checks types."""
    match shape:
        case Record() if isinstance(value, dict):
            fields = {field.name: field.shape for field in shape.fields}
            for name, held in value.items():
                if name in fields:
                    yield from _slips(fields[name], held, f"{path}{name}.")
                else:
                    yield f"{path}{_no_field(name, fields)}"
        case Array(items) if isinstance(value, list):
            for number, item in enumerate(value):
                yield from _slips(items, item, f"{path.removesuffix('.')}[{number}].")
        case Union(branches) if value is not None:
            yield from _slips(branches[-1], value, path)
        case Enum() if isinstance(value, str) and value not in shape.symbols:
            near = get_close_matches(value.upper(), shape.symbols, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"{path.removesuffix('.')}: none of {', '.join(shape.symbols)}{hint}"


def _no_field(name: str, known: Iterable[str]) -> str:
    return f"{ascii(name)[1:-1]}: no such field; {suggestion(name, known)}"
