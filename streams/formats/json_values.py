"""Values as JSON (contracts.md, Values; Command line): the core's named tuples ↔ what a JSON parser gives.

Field names and enum symbols as in the schemas, instants as RFC 3339. A schema is turned once into a
function that goes straight through its fields; the named tuples have the same fields in the same order.
"""

from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

from schemas.avro.errors import Undecodable
from schemas.avro.generated.shapes import Array, Enum, Field, Primitive, Record, Shape, Union, shape_of
from schemas.avro.generated.source import FunctionSource
from schemas.avro.loader import load
from service import rfc3339
from streams.escalation import values
from streams.escalation.values import Event, OutputValue, Site

I = TypeVar("I", bound=Site | Event)  # noqa: E741  # an input
V = TypeVar("V", bound=Site | Event | OutputValue)
_Read: TypeAlias = Callable[[object], Any]

_ABSENT: Final = object()
_JSON_TYPES: Final = MappingProxyType(
    {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
)


class NotAValue(Undecodable):
    """JSON that is not a value of its schema: where, and what is wrong. Never what it held: that may be personal."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(f"{path.removeprefix('.') or 'the value'}: {why}")
        self.why = why
        self.path = path

    def within(self, step: str) -> "NotAValue":
        """The same, seen from the value around: ``.field`` or ``[index]`` stands before the path."""
        return NotAValue(self.why, step + self.path)


def reader(kind: type[I]) -> Callable[[object], I]:
    """The function from a JSON value to an input ``kind``; it raises `NotAValue`.

    Strict: no number for a boolean, null only where it is allowed. An absent nullable or defaulted
    field takes its default, an unknown enum symbol its enum's, unknown fields are ignored.
    """
    return _reader_of(kind.__name__)


def writer(kind: type[V]) -> Callable[[V], dict[str, Any]]:
    """The function from a value of ``kind`` to a dict of JSON types, with every field present."""
    return _writer_of(kind.__name__)


# --- from JSON ------------------------------------------------------------------------------------


@cache
def _reader_of(name: str) -> _Read:
    return _reader(shape_of(load(name)))


def _reader(shape: Shape) -> _Read:
    match shape:
        case Primitive("string"):
            return _read_string
        case Primitive("boolean"):
            return _read_boolean
        case Primitive("long", is_instant=True):
            return _read_instant
        case Enum():
            return _enum_reader(shape)
        case Array():
            return _array_reader(shape)
        case Record():
            return _record_reader(shape)
        case Union((Primitive("null"), other)):
            read = _reader(other)
            return lambda value: None if value is None else read(value)
    raise NotImplementedError(f"no input has a {shape}")


def _record_reader(shape: Record) -> _Read:
    """Fields that are as they mostly are, plain ASCII strings and known symbols, are taken without a call."""
    make = getattr(values, shape.name)
    assert make._fields == tuple(field.name for field in shape.fields), f"{shape.name} differs from its schema"
    source = FunctionSource()
    source.names.update(absent=_ABSENT, new=tuple.__new__, make=make, refuse=_refuse)
    names: list[str] = []
    with source.block("def read(value):"):
        with source.block("if type(value) is not dict:"):
            source.line("refuse(value, 'an object')")
        source.line("get = value.get")
        for field in shape.fields:
            name = source.variable(field.name)
            names.append(name)
            source.line(f"{name} = get({field.name!r}, absent)")
            read = source.constant("read", _field_reader(field))
            with source.block(f"if {_needs_reading(field.shape, name, source)}:"):
                source.line(f"{name} = {read}({name})")
        source.line(f"return new(make, ({', '.join(names)},))")
    return source.compile("read", f"JSON reader of {shape.name}")


def _needs_reading(shape: Shape, name: str, source: FunctionSource) -> str:
    """The condition under which a field's JSON is not its value already."""
    match shape:
        case Primitive("string"):
            return f"type({name}) is not str or not {name}.isascii()"
        case Primitive("boolean"):
            return f"type({name}) is not bool"
        case Enum():
            symbols = source.constant("symbols", frozenset(shape.symbols))
            return f"type({name}) is not str or {name} not in {symbols}"
        case Union((Primitive("null"), other)):
            return f"{name} is not None and ({_needs_reading(other, name, source)})"
    return "True"


def _field_reader(field: Field) -> _Read:
    """Reads what stands for a field, the absence of it too."""
    read = _reader(field.shape)
    default = _ABSENT
    if field.has_default:
        default = read(field.default)
    elif isinstance(field.shape, Enum) and field.shape.default is not None:
        default = field.shape.default

    path = f".{field.name}"

    def read_field(value: object) -> Any:
        if value is _ABSENT:
            if default is _ABSENT:
                raise NotAValue("is missing", path)
            return default
        try:
            return read(value)
        except NotAValue as error:
            raise error.within(path) from None

    return read_field


def _array_reader(shape: Array) -> _Read:
    read = _reader(shape.items)

    def read_array(value: object) -> tuple[Any, ...]:
        if type(value) is not list:
            _refuse(value, "an array")
        index = 0
        items = []
        try:
            for index, item in enumerate(value):  # noqa: B007  # the error names it
                items.append(read(item))
        except NotAValue as error:
            raise error.within(f"[{index}]") from None
        return tuple(items)

    return read_array


def _enum_reader(shape: Enum) -> _Read:
    def read_enum(value: object) -> str:
        symbol = _read_string(value)
        if symbol in shape.symbols:
            return symbol
        if shape.default is None:
            raise NotAValue(f"none of {', '.join(shape.symbols)}")
        return shape.default

    return read_enum


def _read_string(value: object) -> str:
    if type(value) is not str:
        _refuse(value, "a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotAValue("half a surrogate pair, which is not UTF-8") from None
    return value


def _read_boolean(value: object) -> bool:
    if type(value) is not bool:
        _refuse(value, "a boolean")
    return value


def _read_instant(value: object) -> int:
    if type(value) is not str:
        _refuse(value, "an RFC 3339 instant")
    try:
        return rfc3339.parse(value)
    except ValueError as error:
        raise NotAValue(str(error)) from None


def _refuse(value: object, wanted: str) -> NoReturn:
    raise NotAValue(f"{_JSON_TYPES[type(value)]} where {wanted} is wanted")


# --- to JSON --------------------------------------------------------------------------------------


@cache
def _writer_of(name: str) -> Callable[[Any], dict[str, Any]]:
    source = FunctionSource()
    source.names["instant"] = rfc3339.write
    with source.block("def write(value):"):
        source.line(f"return {_written(shape_of(load(name)), 'value')}")
    return source.compile("write", f"JSON writer of {name}")


def _written(shape: Shape, value: str) -> str:
    """The expression for a value of ``shape`` as JSON, where ``value`` is the expression for the value."""
    match shape:
        case Primitive(is_instant=True):
            return f"instant({value})"
        case Primitive() | Enum():
            return value
        case Array():
            written = _written(shape.items, "item")
            return f"[*{value}]" if written == "item" else f"[{written} for item in {value}]"
        case Union((Primitive("null"), Primitive(is_instant=False) | Enum())):
            return value
        case Union((Primitive("null"), other)):
            return f"None if {value} is None else {_written(other, value)}"
        case Record():
            fields = (
                f"{field.name!r}: {_written(field.shape, f'{value}[{place}]')}"
                for place, field in enumerate(shape.fields)
            )
            return f"{{{', '.join(fields)}}}"
    raise NotImplementedError(f"no value has a {shape}")
