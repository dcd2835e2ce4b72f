"""What a newer version of a schema breaks of an older one (contracts.md: it only grows).

Avro's resolution, by the `avro` package, decides what can be read by what. It lets pass what only a reader would
notice, and says little of where it stopped; so the places are compared one by one, and Avro has the last word.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from schemas.avro.canonical import without_logical_types
from schemas.avro.loader import Schema
from schemas.contract.promises import PROMISES, Promise
from schemas.gate.ours import why_not_read
from schemas.gate.places import Branch, SchemaPlace, places
from schemas.gate.refusal import Finding

_ADD = "leave it as it was, and add a field of another name beside it"


def breaks(name: str, older: Schema, newer: Schema) -> list[Finding]:
    """What the newer version of the schema ``name`` must not do, both usable; empty when it keeps its promise."""
    promise = PROMISES[name]
    before, after = places(name, older), places(name, newer)
    found = [*_changed(before, after, promise), *_added(before, after)]
    return found or list(_last_word(name, older, newer, promise))


def _changed(
    before: Mapping[str, SchemaPlace], after: Mapping[str, SchemaPlace], promise: Promise
) -> Iterator[Finding]:
    """What became of the places that there were."""
    for path, was in before.items():
        now = after.get(path)
        if now is not None:
            yield from _place(path, was, now, promise)
        elif _is_topmost(was, before, after):
            yield Finding(path, "is gone", "keep it, and say in its doc that nothing uses it any more")


def _added(before: Mapping[str, SchemaPlace], after: Mapping[str, SchemaPlace]) -> Iterator[Finding]:
    """What is wrong with the places that there are now."""
    for path, now in after.items():
        if path not in before and now.is_field and not now.has_default and _is_topmost(now, after, before):
            yield Finding(path, "is new and has no default", "give it one: older values do not have the field")


def _is_topmost(place: SchemaPlace, here: Mapping[str, SchemaPlace], there: Mapping[str, SchemaPlace]) -> bool:
    """Whether the place itself is missing there, and not for what is said of the one that holds it."""
    parent = there.get(place.parent)
    return parent is not None and parent.kinds == here[place.parent].kinds


def _place(path: str, was: SchemaPlace, now: SchemaPlace, promise: Promise) -> Iterator[Finding]:
    if was.kinds != now.kinds and not _fits(was, now, promise):
        yield Finding(path, f"is {_told(now)} and was {_told(was)}", _ADD)
    elif was.logicals != now.logicals:
        logical, before = (", ".join(sorted(place.logicals)) or "none" for place in (now, was))
        yield Finding(path, f"has the logical type {logical} and had {before}", _ADD)
    if was.has_default and not now.has_default:
        yield Finding(path, "has lost its default", f"put it back: {json.dumps(was.default)}")
    elif was.has_default and json.dumps(was.default, sort_keys=True) != json.dumps(now.default, sort_keys=True):
        change = f"has the default {json.dumps(now.default)} and had {json.dumps(was.default)}"
        yield Finding(path, change, "put it back: values without the field would be read as something else")
    for branch in was.branches:
        twin = next((one for one in now.branches if one.kind == branch.kind), None)
        if twin is not None:
            yield from _branch(path, branch, twin, promise)


def _branch(path: str, was: Branch, now: Branch, promise: Promise) -> Iterator[Finding]:
    """Changes within a named type."""
    if was.fullname != now.fullname:
        yield Finding(path, f"is of the type {now.fullname} and was of {was.fullname}", "put the old name back")
    if was.size != now.size:
        yield Finding(path, f"has {now.size} bytes and had {was.size}", _ADD)
    kept = [field for field in was.fields if field in now.fields]
    if kept != list(now.fields[: len(kept)]):
        yield Finding(path, "has its released fields in another order", f"begin with {', '.join(kept)}; add after them")
    lost = [symbol for symbol in was.symbols if symbol not in now.symbols]
    if lost:
        yield Finding(path, f"has lost the symbols {', '.join(lost)}", "keep them, and write them no more")
    new = [symbol for symbol in now.symbols if symbol not in was.symbols]
    if new and was.default is None and promise == "FULL_TRANSITIVE":
        problem = f"has the new symbols {', '.join(new)}, and older readers no default to take for them"
        yield Finding(path, problem, "leave the enum as it was, and add a field beside it")
    if was.default is not None and was.default != now.default:
        problem = f"has the enum default {now.default} and had {was.default}"
        yield Finding(path, problem, "put it back: an unknown symbol would be read as something else")


def _fits(was: SchemaPlace, now: SchemaPlace, promise: Promise) -> bool:
    """Whether Avro reads one kind of value as another, without what is inside."""
    older, newer = ([_hollow(branch) for branch in place.branches] for place in (was, now))
    return _why_unreadable(newer, older) is None and (
        promise == "BACKWARD_TRANSITIVE" or _why_unreadable(older, newer) is None
    )


def _hollow(branch: Branch) -> Any:
    """A type of the kind and name, with nothing in it."""
    name = (branch.fullname or "").rpartition(".")[2]
    match branch.kind:
        case "record" | "error":
            return {"type": "record", "name": name, "fields": []}
        case "enum":
            return {"type": "enum", "name": name, "symbols": ["NONE"]}
        case "fixed":
            return {"type": "fixed", "name": name, "size": branch.size}
        case "array":
            return {"type": "array", "items": "null"}
        case "map":
            return {"type": "map", "values": "null"}
    return branch.kind


def _told(place: SchemaPlace) -> str:
    """Its kinds in words."""
    return " or ".join(branch.fullname or branch.kind for branch in place.branches)


def _last_word(name: str, older: Schema, newer: Schema, promise: Promise) -> Iterator[Finding]:
    """What Avro, and our own readers, say of the two as a whole."""
    directions = [("older values cannot be read", newer, older)]
    if promise == "FULL_TRANSITIVE":
        directions.append(("older readers cannot read it", older, newer))
    for what, reading, writing in directions:
        why = _why_unreadable(reading, writing) or why_not_read(reading, writing)
        if why is not None:
            yield Finding(name, f"is not compatible, {what} ({why})", "take the change back")


def _why_unreadable(reading: Any, writing: Any) -> str | None:
    """Avro's verdict, with the place as it names it; None when it can be read."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(_parsed(reading), _parsed(writing))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return None
    return f"{'; '.join(sorted(result.messages))} at {', '.join(sorted(result.locations))}"


def _parsed(schema: Any) -> Any:
    """Without logical types: the package only warns of those that it does not know, and compares none."""
    return avro.schema.parse(json.dumps(without_logical_types(schema)))
