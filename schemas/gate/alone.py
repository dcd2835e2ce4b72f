"""What a schema must have on its own, without its history (contracts.md, Values)."""

from collections.abc import Iterator, Set
from typing import Final

from schemas.avro.loader import Schema
from schemas.contract.promises import PROMISES
from schemas.gate.places import Branch, SchemaPlace, places
from schemas.gate.refusal import Finding

NAMESPACE: Final = "ronde.v1"


def faults(name: str, schema: Schema, borrowed: Set[str]) -> Iterator[Finding]:
    """What a usable schema lacks. ``borrowed``: full names of enums that are an input's, handed on as they are."""
    found = places(name, schema)
    defined: set[str] = set()  # a type is defined at the first of its places
    for path, place in found.items():
        if place.is_field and not place.doc:
            yield Finding(path, "has no doc", "say what it means, and its unit if it has one")
        for branch in place.branches:
            if branch.fullname is not None and branch.fullname not in defined:
                defined.add(branch.fullname)
                yield from _of_type(name, path, branch, borrowed)
        if place.is_field:
            yield from _of_default(path, place)
    whole = found[name].branches[0]
    if whole.fullname != f"{NAMESPACE}.{name}":
        yield Finding(name, f"is named {whole.fullname}", f"name it {name}, in the namespace {NAMESPACE}")


def _of_type(name: str, path: str, branch: Branch, borrowed: Set[str]) -> Iterator[Finding]:
    """Faults of a named type, where it is defined."""
    fullname = branch.fullname or ""
    if fullname.rpartition(".")[0] != NAMESPACE and path != name:
        yield Finding(path, f"is of the type {fullname}", f"define the type in the namespace {NAMESPACE}")
    if not branch.doc:
        yield Finding(path, f"is of a type without a doc, {fullname}", "say what the type is")
    needs_default = PROMISES[name] == "FULL_TRANSITIVE" and fullname not in borrowed
    if branch.kind == "enum" and branch.default is None and needs_default:
        remedy = "give it a last symbol UNKNOWN and that as its default, or no older reader can take a new symbol"
        yield Finding(path, f"is an enum without a default, {fullname}", remedy)


def _of_default(path: str, place: SchemaPlace) -> Iterator[Finding]:
    """Faults of a field's default."""
    if "null" in place.kinds:
        if not place.has_default or place.default is not None:
            yield Finding(path, "may be null, and null is not its default", "give it the default null")
    elif place.enum is not None and (place.default if place.has_default else None) != place.enum.default:
        remedy = "give both the same, or neither: it stands for an unknown symbol and for an absent field alike"
        yield Finding(path, "has another default than its enum", remedy)
