"""A schema as a flat table of its places: what the rules of the gate compare.

A place is the record itself, a field, or the items of an array; its path names it as an error of reading does:
``Site.contacts[].role``. A type that is only named at a place is gone through there as if it were written out.
"""

from typing import Any, Final, NamedTuple

from schemas.avro.loader import Schema

_NAMED: Final = frozenset({"record", "error", "enum", "fixed"})
_PLAIN: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string", "array", "map"})


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
    is_definition: bool  # False: defined at an earlier place


class SchemaPlace(NamedTuple):
    """``parent`` is the path of the place that holds it, empty for the record itself."""

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
    """The places of a schema by their paths, outer ones first. It is one that `shapes.shape_of` takes."""
    walk = _Walk()
    walk.enter(schema, "", name, "", {})
    return walk.found


class _Walk:
    """Collects the places; ``named`` has the definitions met so far, with the namespace inside them."""

    def __init__(self) -> None:
        self.found: dict[str, SchemaPlace] = {}
        self._named: dict[str, tuple[Schema, str]] = {}

    def enter(self, schema: Any, namespace: str, path: str, parent: str, field: Schema) -> None:
        """The place at ``path`` and all within; ``field`` is its field, empty for what is none."""
        branches = [
            self._branch(branch, namespace) for branch in (schema if isinstance(schema, list) else [_plain(schema)])
        ]
        self.found[path] = SchemaPlace(
            parent,
            tuple(branch for branch, _, _ in branches),
            bool(field),
            "default" in field,
            field.get("default"),
            field.get("doc"),
        )
        some = sum(branch.kind != "null" for branch, _, _ in branches)
        for branch, definition, inner in branches:
            at = path if some == 1 else f"{path}<{branch.fullname or branch.kind}>"
            for one in definition.get("fields", ()):
                self.enter(one["type"], inner, f"{at}.{one['name']}", path, one)
            if branch.kind in {"array", "map"}:
                items = definition["items" if branch.kind == "array" else "values"]
                self.enter(items, inner, f"{at}[]", path, {})

    def _branch(self, schema: Any, namespace: str) -> tuple[Branch, Schema, str]:
        """A type, its definition, and the namespace that names inside it are of."""
        schema = _plain(schema)
        kind = schema["type"]
        if kind in _NAMED:
            fullname = _full(schema["name"], schema.get("namespace", namespace))
            inner = fullname.rpartition(".")[0]
            self._named[fullname] = (schema, inner)
            return _described(schema, fullname, is_definition=True), schema, inner
        if kind in _PLAIN:
            return _described(schema, None, is_definition=True), schema, namespace
        fullname = _full(kind, namespace)
        definition, inner = self._named[fullname]
        return _described(definition, fullname, is_definition=False), definition, inner


def _plain(schema: Any) -> Any:
    """The same type as an object whose ``type`` is a word; a union as it is."""
    if isinstance(schema, str):
        return {"type": schema}
    if isinstance(schema, dict) and not isinstance(schema["type"], str):
        return _plain(schema["type"])
    return schema


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _described(schema: Schema, fullname: str | None, *, is_definition: bool) -> Branch:
    logical = schema.get("logicalType")
    if logical is not None and "precision" in schema:
        logical = f"{logical}({schema['precision']},{schema.get('scale', 0)})"
    return Branch(
        schema["type"],
        fullname,
        logical,
        schema.get("size"),
        tuple(schema.get("symbols", ())),
        schema.get("default") if schema["type"] == "enum" else None,
        tuple(field["name"] for field in schema.get("fields", ())),
        schema.get("doc"),
        is_definition,
    )
