"""How a value written by one schema is read by another (Avro specification, Schema Resolution).

What a reader's schema has and the writer's has not takes the field's default, its own nested defaults
filled in; a symbol that the reader does not know becomes its enum's default.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.avro.errors import UnusableSchema
from schemas.avro.generated.shapes import Array, Enum, Fixed, Map, Primitive, Record, Shape, Union, present
from schemas.avro.generated.source import plain_name

# The primitives that a primitive of the writer may be read as, beside itself.
_PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}
# What divides the instants of other logical types into milliseconds.
_DIVISORS: Final[Mapping[str, int]] = {"timestamp-micros": 1000, "timestamp-nanos": 1_000_000}


def branch_for(written: Shape, read: Shape) -> Shape:
    """The branch of ``read`` that a value of ``written`` is read as (``read`` itself where it is no union).

    UnusableSchema: there is none. Fields and items are not looked into; reading them finds out.
    """
    branches = read.branches if isinstance(read, Union) else (read,)
    for fits in (_same, _promoted):
        for branch in branches:
            if fits(written, branch) and _keeps_meaning(written, branch):
                return branch
    raise UnusableSchema(f"{_name(written)} cannot be read as {' or '.join(map(_name, branches))}")


def _same(written: Shape, read: Shape) -> bool:
    if isinstance(written, Primitive) and isinstance(read, Primitive):
        return written.kind == read.kind
    if isinstance(written, Record | Enum | Fixed) and isinstance(read, Record | Enum | Fixed):
        return type(written) is type(read) and written.name == read.name
    return isinstance(written, Array | Map) and type(written) is type(read)


def _promoted(written: Shape, read: Shape) -> bool:
    if isinstance(written, Primitive) and isinstance(read, Primitive):
        return read.kind in _PROMOTIONS.get(written.kind, ())
    return False


def _keeps_meaning(written: Shape, read: Shape) -> bool:
    """Whether a value is still true where it is read: a day, or a local time without its zone, is no instant."""
    if not isinstance(written, Primitive) or written.logical is None:
        return True
    return isinstance(read, Primitive) and (written.logical == read.logical or divisor(written, read) > 1)


def divisor(written: Primitive, read: Primitive) -> int:
    """What a number is divided by to be read: an instant of a finer unit becomes one in milliseconds."""
    return _DIVISORS.get(written.logical or "", 1) if read.is_instant else 1


def _name(shape: Shape) -> str:
    if isinstance(shape, Primitive):
        return shape.kind if shape.logical is None else f"{shape.kind} ({shape.logical})"
    kind = type(shape).__name__.lower()
    return plain_name(shape.name, kind) if isinstance(shape, Record | Enum | Fixed) else kind


def symbols(written: Enum, read: Enum) -> dict[int, str]:
    """The symbol read for each index written, the index in zigzag, as encoded.

    A symbol is missing where the reader neither knows it nor has a default.
    """
    known = frozenset(read.symbols)
    pairs = ((index, symbol if symbol in known else read.default) for index, symbol in enumerate(written.symbols))
    return {index << 1: symbol for index, symbol in pairs if symbol is not None}


def default_of(
    shape: Shape, default: Any, constructors: Mapping[str, Callable[..., Any]], array: Callable[[list[Any]], Any]
) -> Any:
    """The value that a field's default (JSON) stands for, built as the reader builds what it reads.

    UnusableSchema: the default does not fit, or leaves out a field that has none of its own.
    """
    if isinstance(shape, Union):
        return None if default is None else default_of(present(shape), default, constructors, array)
    if isinstance(shape, Array):
        return array([default_of(shape.items, item, constructors, array) for item in default])
    if isinstance(shape, Record):
        values = [_field_default(field.name, field, default, constructors, array) for field in shape.fields]
        return constructors[shape.name](*values)
    return default


def _field_default(
    name: str, field: Any, given: Mapping[str, Any], constructors: Mapping[str, Callable[..., Any]], array: Any
) -> Any:
    if name in given:
        return default_of(field.shape, given[name], constructors, array)
    if not field.has_default:
        raise UnusableSchema(f"{name} is neither written nor has a default")
    return default_of(field.shape, field.default, constructors, array)
