"""The bytes before a value that say which schema wrote it (contracts.md, Wire format).

Single-object encoding (Avro specification): ``C3 01`` and the schema's fingerprint, 8 bytes little-endian.
Confluent's: ``00`` and the id that a schema registry gave it, 4 bytes big-endian.
"""

from typing import Final

from schemas.avro.canonical import fingerprint
from schemas.avro.loader import Schema

SINGLE_OBJECT: Final = b"\xc3\x01"
SINGLE_OBJECT_SIZE: Final = 10
CONFLUENT: Final = b"\x00"
CONFLUENT_SIZE: Final = 5


def single_object(schema: Schema) -> bytes:
    """The header of a value written by ``schema``, known by its fingerprint."""
    return SINGLE_OBJECT + fingerprint(schema)


def confluent(schema_id: int) -> bytes:
    """The header of a value written by the schema that the registry knows as ``schema_id``."""
    return CONFLUENT + schema_id.to_bytes(4, "big")


def confluent_id(header: bytes) -> int:
    """The registry's id out of a Confluent header."""
    return int.from_bytes(header[1:CONFLUENT_SIZE], "big")
