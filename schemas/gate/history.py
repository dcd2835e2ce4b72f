"""What a release must keep of the ones before it (ADR 6): nothing is taken back, and nothing is written too early."""

from collections.abc import Iterator

from schemas.avro.loader import NAMES
from schemas.gate.refusal import Refusal
from schemas.gate.shelf import Listed, Shelf, marked, meaning


def unkept(shelf: Shelf, release: str) -> Iterator[Refusal]:
    """What is not as the releases before ``release`` left it."""
    for name in NAMES:
        yield from _missing(shelf, name)
        for before, reads in shelf.releases.items():
            if before != release:
                yield from _changed(shelf, name, before, reads.get(name, []))
    for name in shelf.released:
        if name not in NAMES:
            last = max(shelf.released[name], default=1)
            yield Refusal(name, last, (), name, "was released and is no schema any more", "keep it")


def too_early(shelf: Shelf, release: str) -> Iterator[Refusal]:
    """What is written and could not be read after a roll-back, and what is ahead of it too far."""
    before = shelf.release_before(release)
    for name in shelf.written:
        number = shelf.written_version(name)
        if before is not None:
            yield from _unread(shelf, name, before, shelf.read_by(before, name))
        ahead = [one for one in shelf.released.get(name, {}) if one > number]
        if len(ahead) > 1:
            wanted = f"write version {ahead[0]} first: copy released/{name}/{ahead[0]}.avsc to {name}.avsc"
            yield Refusal(name, number, (), name, f"is written, and {len(ahead)} versions are ahead of it", wanted)


def unlisted(shelf: Shelf, release: str) -> Iterator[Refusal]:
    """Versions that the list of this release lacks."""
    listed = shelf.releases.get(release, {})
    for name in shelf.released:
        if listed.get(name) != shelf.reads(name):
            last, remedy = max(shelf.released[name], default=1), "run `ronde schemas release`"
            yield Refusal(name, last, (), name, f"is not as released/releases.json has it for {release}", remedy)


def differs(shelf: Shelf, other: Shelf) -> Iterator[Refusal]:
    """What keeps this shelf and another release's from reading each other's values."""
    for name, versions in other.released.items():
        for number, schema in versions.items():
            ours = shelf.released.get(name, {}).get(number)
            if ours is None:
                remedy = f"put it back under released/{name}/, or its values cannot be read"
                yield Refusal(name, number, (), name, f"was released in {other.folder} and is not here", remedy)
            elif meaning(ours) != meaning(schema):
                remedy = "put it back as it was: a released version never changes. Add a version instead"
                yield Refusal(name, number, (), name, f"is not what {other.folder} released", remedy)
        if name in shelf.written:
            yield from _unread(shelf, name, str(other.folder), [one.fingerprint for one in other.reads(name)])


def _missing(shelf: Shelf, name: str) -> Iterator[Refusal]:
    """Gaps in the numbers."""
    numbers = list(shelf.released.get(name, {}))
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        told = ", ".join(map(str, sorted(numbers)))
        yield Refusal(name, max(numbers), (), name, f"has gaps in its versions, {told}", "number them 1, 2, 3…")
    if name not in shelf.written:
        yield Refusal(name, max(numbers, default=1), (), name, "is not written any more", f"put {name}.avsc back")


def _changed(shelf: Shelf, name: str, before: str, reads: list[Listed]) -> Iterator[Refusal]:
    """Versions that are not, or no longer, what an earlier release published."""
    ours = shelf.reads(name)
    for number, known in enumerate(reads, start=1):
        if number > len(ours) or not ours[number - 1].is_as_listed(known):
            remedy = f"put released/{name}/{number}.avsc back as it was: a released version never changes"
            yield Refusal(name, number, (), name, f"is not what {before} released", remedy)


def _unread(shelf: Shelf, name: str, before: str, reads: list[str]) -> Iterator[Refusal]:
    """What is written, where the release before does not know it; it may be a value that it has none of."""
    if not reads or marked(shelf.written[name]) in reads:
        return
    known = [one for one, schema in shelf.released.get(name, {}).items() if marked(schema) in reads]
    number, stays = shelf.written_version(name), max(known, default=0)
    problem = f"is written, and {before} does not read it: after a roll-back its values could not be read"
    remedy = f"ship it under released/ first and write it one release later; until then {name}.avsc is version {stays}"
    if shelf.is_proposed(name):
        remedy += ": `ronde schemas release` sees to both"
    yield Refusal(name, number, (), name, problem, remedy)
