"""The columns that the fields of a schema become, and how a value of a field becomes theirs.

A field has a column of its own name. An array of texts is a ``text[]``; a record that may be missing is one column,
JSON; of any other record each field has a column, ``<field>_<its field>``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from schemas.avro.generated.shapes import Array, Enum, Field, Primitive, Record, Shape, present

Kind: TypeAlias = Literal["text", "integer", "bigint", "smallint", "boolean", "text[]", "jsonb", "instant", "bytes"]
Convert: TypeAlias = Callable[[Any], Sequence[Any]]
"""From the value of a field to those of its columns."""

_KINDS: Final[dict[str, Kind]] = {
    "string": "text",
    "int": "integer",
    "long": "bigint",
    "boolean": "boolean",
    "bytes": "bytes",
}


class Column(NamedTuple):
    """A column of the ledger. Rows carry an instant as milliseconds since 1970 (UTC), bytes as hexadecimal digits."""

    name: str
    kind: Kind


class FieldColumns(NamedTuple):
    """What a field becomes. ``convert`` is None where the value is the column's."""

    columns: tuple[Column, ...]
    convert: Convert | None


def columns_of(field: Field, chosen: Sequence[str] = ()) -> FieldColumns:
    """The columns of a field. ``chosen``: of a record, these fields alone, under their own names."""
    shape = present(field.shape)
    if not isinstance(shape, Record):
        column = Column(field.name, _kind(shape))
        return FieldColumns((column,), _CONVERSIONS.get(column.kind))
    if shape is not field.shape:
        return FieldColumns((Column(field.name, "jsonb"),), _json(shape))
    prefix = "" if chosen else f"{field.name}_"
    places = [place for place, inner in enumerate(shape.fields) if not chosen or inner.name in chosen]
    inner = [shape.fields[place] for place in places]
    columns = tuple(Column(prefix + part.name, _kind(present(part.shape))) for part in inner)
    assert not any(column.kind in _CONVERSIONS for column in columns), f"{field.name}: a record of plain values"
    return FieldColumns(columns, (lambda value: value) if len(places) == len(shape.fields) else _choice(places))


def _kind(shape: Shape) -> Kind:
    if isinstance(shape, Array):
        assert _kind(shape.items) == "text", "an array of texts"
        return "text[]"
    if isinstance(shape, Enum):
        return "text"
    assert isinstance(shape, Primitive), shape
    return "instant" if shape.is_instant else _KINDS[shape.kind]


def text_array(items: Sequence[str]) -> str:
    """A list of texts as PostgreSQL reads a ``text[]``."""
    if not items:
        return "{}"
    joined = '","'.join(items)
    if "\\" in joined or joined.count('"') != 2 * (len(items) - 1):
        joined = '","'.join(item.replace("\\", "\\\\").replace('"', '\\"') for item in items)
    return f'{{"{joined}"}}'


_CONVERSIONS: Final[dict[Kind, Convert]] = {
    "text[]": lambda items: (None if items is None else text_array(items),),
    "bytes": lambda data: (None if data is None else data.hex(),),
}


def _choice(places: Sequence[int]) -> Convert:
    return lambda value: [value[place] for place in places]


def _json(shape: Record) -> Convert:
    names = [field.name for field in shape.fields]

    def convert(value: Sequence[Any] | None) -> Sequence[Any]:
        return (None if value is None else json.dumps(dict(zip(names, value, strict=True)), ensure_ascii=False),)

    return convert
