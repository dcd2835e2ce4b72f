"""All the rules over all the schemas."""

from collections.abc import Iterator

from schemas.avro.loader import NAMES, Schema
from schemas.contract.promises import PROMISES
from schemas.gate import history
from schemas.gate.alone import faults
from schemas.gate.ours import why_not
from schemas.gate.pairs import breaks
from schemas.gate.places import places
from schemas.gate.refusal import Finding, Refusal
from schemas.gate.shelf import Shelf, meaning


def check(shelf: Shelf, release: str, against: Shelf | None = None) -> list[Refusal]:
    """Everything that keeps the schemas of a shelf from being released as ``release``; empty when nothing does.

    ``against`` is the shelf of another release, as the one in production: each must read what the other writes.
    """
    found = [*compatibility(shelf, against), *history.unkept(shelf, release), *history.too_early(shelf, release)]
    if against is not None:
        found += history.differs(shelf, against)
    return found or list(history.unlisted(shelf, release))


def compatibility(shelf: Shelf, against: Shelf | None = None) -> Iterator[Refusal]:
    """What is wrong with any version, by itself or against an older one."""
    borrowed = _enums_of_inputs(shelf)
    for name in NAMES:
        versions = shelf.versions(name)
        usable = {}
        for number, schema in versions.items():
            why = why_not(schema)
            if why is not None:
                remedy = "use such types as the other schemas have"
                yield Refusal(name, number, (), name, f"cannot be used ({why})", remedy)
                continue
            usable[number] = schema
            for finding in faults(name, schema, borrowed):
                yield Refusal(name, number, (), *finding)
        for number, schema in usable.items():
            older = {str(one): usable[one] for one in usable if one < number}
            if against is not None and number == max(usable):
                older |= _foreign(name, versions, against)
            yield from _broken(name, number, schema, older)


def _broken(name: str, number: int, schema: Schema, older: dict[str, Schema]) -> Iterator[Refusal]:
    """One refusal for each thing broken, with all the versions that it breaks."""
    broken: dict[Finding, list[str]] = {}
    for label, one in older.items():
        for finding in breaks(name, one, schema):
            broken.setdefault(finding, []).append(label)
    for finding, labels in broken.items():
        yield Refusal(name, number, tuple(labels), *finding)


def _foreign(name: str, ours: dict[int, Schema], against: Shelf) -> dict[str, Schema]:
    """The usable versions of another shelf where ours have the same numbers and are others."""
    return {
        f"{number} of {against.folder}": schema
        for number, schema in against.released.get(name, {}).items()
        if number in ours and meaning(schema) != meaning(ours[number]) and why_not(schema) is None
    }


def _enums_of_inputs(shelf: Shelf) -> frozenset[str]:
    """The enums that producers write: where an output hands an input on, they are as they came."""
    return frozenset(
        branch.fullname
        for name in NAMES
        if PROMISES[name] == "BACKWARD_TRANSITIVE"
        for schema in shelf.versions(name).values()
        if why_not(schema) is None
        for place in places(name, schema).values()
        for branch in place.branches
        if branch.kind == "enum" and branch.fullname is not None
    )
