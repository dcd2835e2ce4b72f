"""Changes of a copy of the project's schemas, and what the gate says of them."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import schemas
from schemas.avro.loader import Schema
from schemas.gate.check import check
from schemas.gate.refusal import Refusal
from schemas.gate.shelf import read_shelf

OURS: Final = Path(schemas.__file__).parent
INSTANT: Final = {"type": "long", "logicalType": "timestamp-millis"}
NOTE: Final = {"name": "note", "type": ["null", "string"], "doc": "What else there is.", "default": None}

Change: TypeAlias = Callable[[Schema], None]


def refused(folder: Path, at: str = "1.0", against: Path | None = None) -> list[Refusal]:
    """What the gate says of a folder about to be released as ``at``."""
    return check(read_shelf(folder), at, None if against is None else read_shelf(against))


def change(folder: Path, name: str, how: Change) -> None:
    """Change what is written."""
    file = folder / f"{name}.avsc"
    schema = json.loads(file.read_text("utf-8"))
    how(schema)
    file.write_text(json.dumps(schema), "utf-8")


def field(schema: Any, path: str) -> Any:
    """A field of a schema, through records, arrays and nullable ones: ``contacts.role``."""
    name, _, rest = path.partition(".")
    found = next(one for one in record(schema)["fields"] if one["name"] == name)
    return field(found["type"], rest) if rest else found


def record(schema: Any) -> Any:
    """The record that a type is, has as items, or may be instead of null."""
    if isinstance(schema, list):
        return record(schema[1])
    return record(schema["items"]) if schema["type"] == "array" else schema


# --- the changes --------------------------------------------------------------------------------------


def sets(path: str, **changes: Any) -> Change:
    """The field at ``path`` gets these properties."""
    return lambda schema: field(schema, path).update(changes)


def adds(*fields: dict[str, Any], to: str = "", at: int | None = None) -> Change:
    """Fields are added, at the end."""

    def how(schema: Schema) -> None:
        there = (record(field(schema, to)["type"]) if to else schema)["fields"]
        for one in fields:
            there.insert(len(there) if at is None else at, copy.deepcopy(one))

    return how


def removes(path: str) -> Change:
    """The field at ``path`` is taken away."""

    def how(schema: Schema) -> None:
        holder = path.rpartition(".")[0]
        there = record(field(schema, holder)["type"]) if holder else schema
        there["fields"].remove(field(schema, path))

    return how


def drops(path: str, key: str) -> Change:
    """A property of the field at ``path``, or of its type (``type.default``), is taken away."""

    def how(schema: Schema) -> None:
        found = field(schema, path) if path else schema
        if key.startswith("type."):
            found = found["type"]
        del found[key.removeprefix("type.")]

    return how


def types(path: str, **changes: Any) -> Change:
    """The type of the field at ``path`` gets these properties."""
    return lambda schema: field(schema, path)["type"].update(changes)


def roots(**changes: Any) -> Change:
    """The schema itself gets these properties."""
    return lambda schema: schema.update(changes)


def turns(path: str) -> Change:
    """The fields of the record at ``path`` change places."""
    return lambda schema: (record(field(schema, path)["type"]) if path else schema)["fields"].reverse()


def both(*changes: Change) -> Change:
    def how(schema: Schema) -> None:
        for one in changes:
            one(schema)

    return how
