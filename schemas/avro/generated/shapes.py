"""A schema as typed nodes with every name resolved: what the generators walk.

The JSON of a schema says one thing in several ways (a name, an object, a list); here each has one node.
A schema that contains itself is refused: no value of ronde does, and a stranger's would have no bound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from schemas.avro.errors import UnusableSchema

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
# The logical types (Avro specification) that give a primitive a meaning which reading it plainly would lose. An instant
# used here, timestamp-millis, is not among them; those that the specification does not know are ignored, as it says.
_MEANINGS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"date", "time-millis"}),
    "long": frozenset(
        {
            "time-micros",
            "timestamp-micros",
            "timestamp-nanos",
            "local-timestamp-millis",
            "local-timestamp-micros",
            "local-timestamp-nanos",
        }
    ),
    "bytes": frozenset({"decimal", "big-decimal"}),
}
# Nodes with every name replaced by what it stands for: a few names may multiply without bound. Ours have 300 at most.
_MOST_NODES: Final = 4000
_LARGEST_SIZE: Final = 2**31 - 1


@dataclass(frozen=True)
class Primitive:
    """One of Avro's primitive types; ``is_instant`` for a long of logical type timestamp-millis.

    ``logical``: any other logical type that gives it another meaning than its plain value has.
    """

    kind: str
    is_instant: bool = False
    logical: str | None = None


@dataclass(frozen=True)
class Array:
    """An array: values of one type, in order."""

    items: "Shape"


@dataclass(frozen=True)
class Map:
    """A map: values of one type by name."""

    values: "Shape"


@dataclass(frozen=True)
class Enum:
    """An enum: one of a few symbols; ``default`` stands for one the reader does not know."""

    name: str
    symbols: tuple[str, ...]
    default: str | None


@dataclass(frozen=True)
class Fixed:
    """A fixed: a named type of so many bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Field:
    """A field of a record; ``default`` is JSON and counts only where ``has_default``."""

    name: str
    shape: "Shape"
    has_default: bool
    default: Any


@dataclass(frozen=True)
class Record:
    """A record: its fields, in order."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Union:
    """A union: a value is of one of several types."""

    branches: tuple["Shape", ...]


Shape: TypeAlias = Primitive | Array | Map | Enum | Fixed | Record | Union


def present(shape: Shape) -> Shape:
    """The shape of an optional value that is there: the first type of a union that is not null; any other's own."""
    return next(node for node in shape.branches if node != Primitive("null")) if isinstance(shape, Union) else shape


def shape_of(schema: Any) -> Shape:
    """The nodes of a schema given as parsed JSON. UnusableSchema: broken, too large, or it contains itself.

    Names are unqualified: resolution goes by them (Avro specification, Schema Resolution).
    """
    try:
        shape = _shape(schema, {})
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnusableSchema(f"the schema cannot be used: {type(error).__name__}") from error
    for number, _ in enumerate(nodes(shape)):
        if number == _MOST_NODES:
            raise UnusableSchema(f"the schema has more than {_MOST_NODES:,} types within each other")
    return shape


def nodes(shape: Shape) -> Iterator[Shape]:
    """A shape and all within it, a named one as often as it is used."""
    left = [shape]
    while left:
        node = left.pop()
        yield node
        if isinstance(node, Record):
            left += [field.shape for field in node.fields]
        elif isinstance(node, Union):
            left += node.branches
        elif isinstance(node, Array):
            left.append(node.items)
        elif isinstance(node, Map):
            left.append(node.values)


def _shape(schema: Any, named: dict[str, Shape]) -> Shape:
    if isinstance(schema, str):
        return Primitive(schema) if schema in PRIMITIVES else named[_unqualified(schema)]
    if isinstance(schema, list):
        return Union(tuple(_shape(branch, named) for branch in schema))
    kind = schema["type"]
    if kind == "array":
        return Array(_shape(schema["items"], named))
    if kind == "map":
        return Map(_shape(schema["values"], named))
    if kind in {"record", "error", "enum", "fixed"}:
        return _named(schema, named)
    if isinstance(kind, str) and kind in _MEANINGS:
        logical = schema.get("logicalType")
        return Primitive(
            kind,
            is_instant=kind == "long" and logical == "timestamp-millis",
            logical=logical if logical in _MEANINGS[kind] else None,
        )
    return _shape(kind, named)


def _named(schema: Mapping[str, Any], named: dict[str, Shape]) -> Shape:
    name = _unqualified(schema["name"])
    shape: Shape
    if schema["type"] == "enum":
        shape = Enum(name, tuple(schema["symbols"]), schema.get("default"))
    elif schema["type"] == "fixed":
        shape = Fixed(name, _size(schema["size"]))
    else:
        # The name is entered only when the record is complete, so one that contains itself is not found.
        shape = Record(name, tuple(_field(field, named) for field in schema["fields"]))
    named[name] = shape
    return shape


def _field(field: Mapping[str, Any], named: dict[str, Shape]) -> Field:
    return Field(field["name"], _shape(field["type"], named), "default" in field, field.get("default"))


def _size(size: Any) -> int:
    if type(size) is not int or not 0 <= size <= _LARGEST_SIZE:
        raise UnusableSchema("the size of a fixed is none")
    return size


def _unqualified(name: str) -> str:
    return name.rpartition(".")[2]
