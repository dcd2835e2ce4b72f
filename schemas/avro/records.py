"""Values as plain dicts, for everybody who is not the engine: telephony, partners, tests.

Single-object encoding; instants are whole milliseconds since 1970, UTC.
"""

import io
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import fastavro
from fastavro.types import Schema as ParsedSchema

from schemas.avro.canonical import without_logical_types
from schemas.avro.decoder import decoder
from schemas.avro.framing import single_object
from schemas.avro.generated.shapes import Record, nodes, shape_of
from schemas.avro.loader import load


def encode(name: str, value: Mapping[str, Any]) -> bytes:
    """A value of the schema ``name`` as bytes; what is absent takes its default.

    ValueError: the value does not fit, or has a field that the schema has not. KeyError: no such schema.
    """
    header, schema = _writing(name)
    out = io.BytesIO()
    out.write(header)
    try:
        fastavro.schemaless_writer(out, schema, value, strict_allow_default=True)
    except Exception as error:  # fastavro has no one error for a value that does not fit
        raise ValueError(f"not a value of {name}: {error}") from error
    return out.getvalue()


def decode(name: str, data: bytes) -> dict[str, Any]:
    """The value that ``data`` is, every field of today's schema present. Undecodable: it is none."""
    value: dict[str, Any] = _reading(name)(data)
    return value


@cache
def _writing(name: str) -> tuple[bytes, ParsedSchema]:
    schema = load(name)
    return single_object(schema), fastavro.parse_schema(without_logical_types(schema))


@cache
def _reading(name: str) -> Callable[[bytes], Any]:
    records = [node for node in nodes(shape_of(load(name))) if isinstance(node, Record)]
    makers = {record.name: _dict_maker(tuple(field.name for field in record.fields)) for record in records}
    return decoder(name, makers, array=list)


def _dict_maker(names: tuple[str, ...]) -> Callable[..., dict[str, Any]]:
    def make(*values: Any) -> dict[str, Any]:
        return dict(zip(names, values, strict=True))

    return make
