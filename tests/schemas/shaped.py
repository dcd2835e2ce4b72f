"""Values made from a schema: what every test here feeds the codecs with."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from edges import values as edges
from edges.values import Signal
from schemas.avro.generated.shapes import Array, Enum, Primitive, Record, Shape, Union, shape_of
from schemas.avro.loader import load
from streams.escalation import values
from streams.formats import codec

LONGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(1_000_000_000_000, 2_300_000_000_000),  # instants
    st.integers(-2, 20_000),
)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.text("abc-0123", max_size=12),
    st.integers(60, 70).map("x".__mul__),  # sizes of one byte and of two
)
CONSTRUCTORS: Mapping[str, Callable[..., Any]] = {
    **codec.CONSTRUCTORS,
    **{
        kind.__name__: kind
        for kind in (
            values.CallCommand,
            values.DispatchCommand,
            values.Attention,
            values.InputRef,
            values.Decision,
            values.Readiness,
            values.Source,
            values.Quarantined,
            Signal,
            edges.Transmitter,
            edges.Override,
            edges.Claim,
            edges.DeskEvent,
        )
    },
}


def dicts(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Values of the schema ``name`` as plain dicts."""
    strategy: st.SearchStrategy[dict[str, Any]] = _values(shape_of(load(name)))
    return strategy


def tupled(name: str, value: Mapping[str, Any]) -> Any:
    """The value, the core's or an edge's, for a dict of the schema ``name``."""
    return _tupled(shape_of(load(name)), value)


def _values(shape: Shape) -> st.SearchStrategy[Any]:
    if isinstance(shape, Record):
        return st.fixed_dictionaries({field.name: _values(field.shape) for field in shape.fields})
    if isinstance(shape, Array):
        return st.lists(_values(shape.items), max_size=3)
    if isinstance(shape, Union):
        return st.one_of([_values(branch) for branch in shape.branches])
    if isinstance(shape, Enum):
        return st.sampled_from(shape.symbols)
    assert isinstance(shape, Primitive)
    return {
        "null": st.none(),
        "boolean": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 200),
        "long": LONGS,
        "string": TEXTS,
        "bytes": st.binary(max_size=12) | st.integers(60, 70).map(bytes),
    }[shape.kind]


def _tupled(shape: Shape, value: Any) -> Any:
    if isinstance(shape, Record):
        return CONSTRUCTORS[shape.name](*(_tupled(field.shape, value[field.name]) for field in shape.fields))
    if isinstance(shape, Array):
        return tuple(_tupled(shape.items, item) for item in value)
    if isinstance(shape, Union):
        return None if value is None else _tupled(shape.branches[1], value)
    return value
