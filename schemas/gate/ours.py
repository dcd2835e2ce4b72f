"""Whether the readers and writers of this project can be made for a schema (`schemas.avro.generated`).

They know less than Avro allows: a version that only they cannot read would stop a worker all the same.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas.avro.canonical import canonical
from schemas.avro.errors import UnusableSchema
from schemas.avro.generated import reader, writer
from schemas.avro.loader import Schema

# What would make the records: nothing is read here.
_ANY_RECORD: Final[Mapping[str, Callable[..., Any]]] = defaultdict(lambda: lambda *values: values)


def why_not(schema: Schema) -> str | None:
    """Why we can neither write nor read values of the schema; None when we can."""
    try:
        canonical(schema)
        writer(schema)
        reader(schema, _ANY_RECORD)
    except UnusableSchema as error:
        return f"{error}: {error.__cause__}" if error.__cause__ is not None else str(error)
    return None


def why_not_read(schema: Schema, written_by: Schema) -> str | None:
    """Why we cannot read by ``schema`` what was written by the other; None when we can."""
    try:
        reader(schema, _ANY_RECORD, written_by=written_by)
    except UnusableSchema as error:
        return str(error)
    return None
