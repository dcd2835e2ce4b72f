"""The release step: what is proposed becomes a version, and the release is listed with what it reads (ADR 6)."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from schemas.gate import history
from schemas.gate.check import compatibility
from schemas.gate.refusal import Refusal
from schemas.gate.shelf import RELEASES, Listed, Shelf, marked, read_shelf


class Unreleasable(Exception):
    """What is proposed does not pass the gate; nothing was written."""

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__("\n".join(map(str, refusals)))
        self.refusals = refusals


class Released(NamedTuple):
    """A version added. ``writes``: the version that its file at the top has from now on."""

    schema: str
    version: int
    writes: int


def release(shelf: Shelf, version: str) -> list[Released]:
    """Add every proposed schema to released/, and list what release ``version`` of the project reads.

    Where the release before would not read it, the file at the top gets the version back that it does read: what
    is new is read first, and written one release later. A second time, nothing is left to do. Unreleasable.
    """
    proposed = [name for name in shelf.written if shelf.is_proposed(name)]
    refusals = [*compatibility(shelf), *history.unkept(shelf, version)]
    refusals += [refusal for refusal in history.too_early(shelf, version) if refusal.schema not in proposed]
    refusals += [refusal for name in proposed for refusal in _too_many(shelf, name, version)]
    if refusals:
        raise Unreleasable(refusals)
    added = [_add(shelf, name, version) for name in proposed]
    _list(read_shelf(shelf.folder), version)
    return added


def _too_many(shelf: Shelf, name: str, version: str) -> Iterator[Refusal]:
    """A proposed version waits until a release reads the one before it: only one is ahead of what is written."""
    last = max(shelf.released.get(name, {}), default=0)
    reads = _read_before(shelf, name, version)
    if reads and marked(shelf.released[name][last]) not in reads:
        problem = f"is proposed, and no release reads version {last} yet"
        remedy = f"wait for one; or, as nobody has it, take released/{name}/{last}.avsc away and propose both as one"
        yield Refusal(name, last + 1, (), name, problem, remedy)


def _add(shelf: Shelf, name: str, version: str) -> Released:
    """Put the proposed schema under released/, and what is still written at the top."""
    top, versions = shelf.folder / f"{name}.avsc", shelf.folder / "released" / name
    number = shelf.written_version(name)
    versions.mkdir(exist_ok=True)
    (versions / f"{number}.avsc").write_text(top.read_text("utf-8"), "utf-8")
    reads = _read_before(shelf, name, version)
    if not reads or marked(shelf.written[name]) in reads:
        return Released(name, number, number)
    top.write_text((versions / f"{number - 1}.avsc").read_text("utf-8"), "utf-8")
    return Released(name, number, number - 1)


def _read_before(shelf: Shelf, name: str, version: str) -> list[str]:
    """What the release before reads of a schema; empty where there was none, or it has no such schema."""
    before = shelf.release_before(version)
    return [] if before is None else shelf.read_by(before, name)


def _list(shelf: Shelf, version: str) -> None:
    """Say in releases.json what the release reads."""
    reads = {name: shelf.reads(name) for name in shelf.written}
    if shelf.releases.get(version) != reads:
        releases = {
            release: {name: [_entry(one) for one in versions] for name, versions in known.items()}
            for release, known in {**shelf.releases, version: reads}.items()
        }
        (shelf.folder / "released" / RELEASES).write_text(json.dumps(releases, indent=2) + "\n", "utf-8")


def _entry(version: Listed) -> dict[str, str] | str:
    """A version as releases.json has it; one that was listed by its fingerprint alone stays so."""
    if version.meaning is None:
        return version.fingerprint
    return {"fingerprint": version.fingerprint, "meaning": version.meaning}
