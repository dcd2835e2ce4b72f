"""Play JSON Lines of inputs through the core in virtual time (contracts.md, Command line).

Only a line that is not an input ends the run: `BadLine`. A value that breaks its schema is a dead letter, and the run
continues.
"""

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Any, Final, NamedTuple, get_args

import orjson

from schemas.contract.topics import INPUT_TOPICS, TOPICS
from service import rfc3339
from streams.escalation import values
from streams.escalation.procedures import Procedures
from streams.escalation.values import Event, Instant, OutputValue, Site, Source
from streams.formats.json_values import NotAValue, reader, writer
from streams.formats.validation import DeadLetterCause, admit, admit_tombstone
from streams.simulation.simulation import PARTITION, DeadLetter, Record, Simulation

_READERS: Final = MappingProxyType[str, Callable[[object], Site | Event]](
    {topic: reader(getattr(values, str(TOPICS[topic].schema))) for topic in INPUT_TOPICS}
)
_WRITERS: Final = MappingProxyType[type, Callable[[Any], dict[str, Any]]](
    {kind: writer(kind) for kind in get_args(OutputValue)}
)
_WHITE_SPACE: Final = b" \t\r\n"  # JSON's


class BadLine(ValueError):
    """A line that ends the run: its number, counted from 1, and what is wrong with it."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")


class EndsTooEarly(ValueError):
    """The end of the run is before the last line's time."""


class Line(NamedTuple):
    """An input of a line; key and value are any JSON."""

    at: Instant
    topic: str
    key: Any
    value: Any


def play(lines: Iterable[bytes], procedures: Procedures, until: Instant | None = None) -> Iterator[Record]:
    """Yield the records of the lines, in the order emitted, then of the deadlines due until ``until``.

    ``until`` is inclusive; None means the last line's time. Raises `BadLine` after the records of the lines before it,
    and `EndsTooEarly` after those of the last line.
    """
    simulation = Simulation(procedures)
    offsets = dict.fromkeys(INPUT_TOPICS, 0)
    now: Instant | None = None
    for number, raw in enumerate(lines, start=1):
        if not raw.strip(_WHITE_SPACE):
            continue
        line = read_line(number, raw)
        if now is not None and line.at < now:
            raise BadLine(number, f"its time goes back, from {rfc3339.write(now)} to {rfc3339.write(line.at)}")
        now = line.at
        source = Source(line.topic, PARTITION, offsets[line.topic])
        offsets[line.topic] += 1
        yield from simulation.advance(now)
        yield from _handle(simulation, line, source)
    if until is None or now is None:
        return
    if until < now:
        raise EndsTooEarly(f"{rfc3339.write(until)} is before the last line's time, {rfc3339.write(now)}")
    yield from simulation.advance(until)


def render(record: Record) -> bytes:
    """Return an output record as a line, with its line feed."""
    at, topic, key, value = record
    body: dict[str, Any] | None
    if value is None:
        body = None
    elif isinstance(value, DeadLetter):
        body = value._asdict()
    else:
        body = _WRITERS[type(value)](value)
    line = {"at": rfc3339.write(at), "topic": topic, "key": key, "value": body}
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # of a dead letter, the key: any JSON, and orjson writes less depth than it reads
        return orjson.dumps({**line, "key": None}, option=orjson.OPT_APPEND_NEWLINE)


def read_line(number: int, raw: bytes) -> Line:
    """Parse a line (contracts.md, Command line); raises `BadLine`."""
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadLine(number, f"not a JSON object: {error.msg} at character {error.pos}") from None
    if type(fields) is not dict:
        raise BadLine(number, "not a JSON object")
    try:
        at, topic, value = fields["at"], fields["topic"], fields["value"]
    except KeyError as error:
        raise BadLine(number, f"no {error.args[0]!r}; a line needs 'at', 'topic' and 'value'") from None
    if type(at) is not str:
        raise BadLine(number, "'at' is no string with an RFC 3339 instant")
    try:
        instant = rfc3339.parse(at)
    except ValueError as error:
        raise BadLine(number, f"'at' is {error}") from None
    if type(topic) is not str or topic not in _READERS:
        raise BadLine(number, f"'topic' is none of {', '.join(INPUT_TOPICS)}")
    return Line(instant, topic, fields.get("key"), value)


def value_of(topic: str, key: object, raw: object) -> Site | Event | DeadLetterCause | None:
    """Return the value of an input line, if it is valid; None for a tombstone.

    A line without a ``key`` gets the one that its producer would use.
    """
    if raw is None:
        return admit_tombstone(topic, key.encode() if isinstance(key, str) else None)
    try:
        value = _READERS[topic](raw)
    except NotAValue as error:
        return DeadLetterCause("UNDECODABLE", str(error))
    refused = admit(value, value.site_id if key is None else key if isinstance(key, str) else None)
    return value if refused is None else refused


def _handle(simulation: Simulation, line: Line, source: Source) -> list[Record]:
    """Handle one input: by the core, or as a dead letter."""
    at, topic, key, raw = line
    value = value_of(topic, key, raw)
    match value:
        case DeadLetterCause():
            return [Record(at, "dead-letters", _key_of(line), DeadLetter(topic, *value))]
        case None:
            return simulation.site(str(key), None, source, at)
        case Site():
            return simulation.site(value.site_id, value, source, at)
    return simulation.event(value, source, at)


def _key_of(line: Line) -> object:
    """The key of a line's dead letter."""
    if line.key is not None:
        return line.key
    site_id = line.value.get("site_id") if type(line.value) is dict else None
    return site_id if type(site_id) is str else None
