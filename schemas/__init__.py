"""What other systems build on: the schemas of every value, and the topics they travel on.

``load`` gives a schema as plain JSON, ``encode`` and ``decode`` turn dicts to bytes and back.
"""

from collections.abc import Mapping
from typing import Any

from schemas.avro.loader import NAMES, Schema, load

__all__ = ["NAMES", "Schema", "decode", "encode", "load"]


def encode(name: str, value: Mapping[str, Any]) -> bytes:
    """A dict as the bytes of a value; see `schemas.avro.records.encode`."""
    from schemas.avro import records  # noqa: PLC0415 - fastavro is heavy, and who only wants the topics needs it not

    return records.encode(name, value)


def decode(name: str, data: bytes) -> dict[str, Any]:
    """The bytes of a value as a dict; see `schemas.avro.records.decode`."""
    from schemas.avro import records  # noqa: PLC0415 - as above

    return records.decode(name, data)
