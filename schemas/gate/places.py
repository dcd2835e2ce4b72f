"""A schema as a flat table of its places: what the rules of the gate compare.

A place is the record itself, a field, or the items of an array; its path names it as an error of reading does:
``Site.contacts[].role``. A type that is only named at a place is gone through there as if it were written out.
"""

from typing import Any, NamedTuple

from fastavro.schema import expand_schema

from schemas.avro.loader import Schema


class Branch(NamedTuple):
    """One of the types that a value at a place may have; most places have one, or null and one."""

    kind: str  # as Avro names it: "string", "record"
    fullname: str | None  # of a named type, with its namespace
    logical: str | None
    size: int | None  # of a fixed
    symbols: tuple[str, ...]  # of an enum
    default: str | None  # of an enum
    fields: tuple[str, ...]  # of a record
    doc: str | None


class SchemaPlace(NamedTuple):
    """A place in a schema. ``parent`` is the path of the place that holds it, empty for the record itself."""

    parent: str
    branches: tuple[Branch, ...]
    is_field: bool
    has_default: bool
    default: Any
    doc: str | None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its types, in order."""
        return tuple(branch.kind for branch in self.branches)

    @property
    def logicals(self) -> set[str]:
        """The logical types of its types."""
        return {branch.logical for branch in self.branches if branch.logical is not None}

    @property
    def enum(self) -> Branch | None:
        """Its one enum, nullable or not; None where it has none."""
        return next((branch for branch in self.branches if branch.kind == "enum"), None)


def places(name: str, schema: Schema) -> dict[str, SchemaPlace]:
    """The places of a schema by their paths, outer ones first. It is one that `schemas.gate.ours` can use."""
    found: dict[str, SchemaPlace] = {}
    _enter(found, expand_schema(schema), name, "", {})
    return found


def _enter(found: dict[str, SchemaPlace], schema: Any, path: str, parent: str, field: Schema) -> None:
    """The place at ``path`` and all within; ``field`` is its field, empty for what is none."""
    types: list[Schema] = [
        {"type": one} if isinstance(one, str) else one for one in (schema if isinstance(schema, list) else [schema])
    ]
    branches = tuple(map(_branch, types))
    found[path] = SchemaPlace(parent, branches, bool(field), "default" in field, field.get("default"), field.get("doc"))
    some = sum(branch.kind != "null" for branch in branches)
    for branch, definition in zip(branches, types, strict=True):
        at = path if some == 1 else f"{path}<{branch.fullname or branch.kind}>"
        for one in definition.get("fields", ()):
            _enter(found, one["type"], f"{at}.{one['name']}", path, one)
        if branch.kind in {"array", "map"}:
            _enter(found, definition["items" if branch.kind == "array" else "values"], f"{at}[]", path, {})


def _branch(schema: Schema) -> Branch:
    logical = schema.get("logicalType")
    if logical is not None and "precision" in schema:
        logical = f"{logical}({schema['precision']},{schema.get('scale', 0)})"
    return Branch(
        schema["type"],
        schema.get("name"),
        logical,
        schema.get("size"),
        tuple(schema.get("symbols", ())),
        schema.get("default") if schema["type"] == "enum" else None,
        tuple(field["name"] for field in schema.get("fields", ())),
        schema.get("doc"),
    )
