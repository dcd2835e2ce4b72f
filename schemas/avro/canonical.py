"""What identifies a schema: its parsing canonical form and that form's fingerprint.

Avro specification, Parsing Canonical Form and Schema Fingerprints: docs, defaults, aliases and logical
types are left out, so two schemas of one fingerprint have the same bytes.
"""

from functools import lru_cache
from typing import Any

from fastavro.schema import fingerprint as fastavro_fingerprint
from fastavro.schema import parse_schema, to_parsing_canonical_form

from schemas.avro.errors import UnusableSchema


def canonical(schema: Any) -> str:
    """The parsing canonical form of a schema given as parsed JSON. UnusableSchema: it is none."""
    try:
        return str(to_parsing_canonical_form(parse_schema(schema)))
    except Exception as error:  # a schema may come from anybody, and fastavro has no one error for it
        raise UnusableSchema(f"not an Avro schema: {type(error).__name__}") from error


def fingerprint(schema: Any) -> bytes:
    """The CRC-64-AVRO of the canonical form: 8 bytes, little-endian, as single-object encoding wants it."""
    return _fingerprint(canonical(schema))


@lru_cache(maxsize=1024)  # the same few schemas are asked for again and again, and a large one takes a millisecond
def _fingerprint(form: str) -> bytes:
    return bytes.fromhex(fastavro_fingerprint(form, "CRC-64-AVRO"))


def without_logical_types(schema: Any) -> Any:
    """The same schema with instants as plain numbers: fastavro would turn them into datetimes."""
    return without("logicalType", schema)


def without(attribute: str, schema: Any) -> Any:
    """The same schema without an attribute of its types and fields, as ``doc``."""
    if isinstance(schema, list):
        return [without(attribute, branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            key: without(attribute, part) if key in {"type", "items", "values", "fields"} else part
            for key, part in schema.items()
            if key != attribute
        }
    return schema
