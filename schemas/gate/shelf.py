"""The schemas of a folder: what is written, what was ever released, and which release read what.

```
<Name>.avsc                what is written, and what a value is read as
released/<Name>/<n>.avsc   every version ever published
released/releases.json     {release: {name: [{fingerprint, meaning} of the versions that it reads, oldest first]}}
```
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.avro.canonical import fingerprint, without
from schemas.avro.errors import UnusableSchema
from schemas.avro.loader import NAMES, Schema

RELEASES: Final = "releases.json"


class Listed(NamedTuple):
    """A released version as a release lists it.

    ``meaning``: a hash that changes with all but docs, also with what the fingerprint leaves out; None in a list of
    fingerprints alone, as releases had them first.
    """

    fingerprint: str
    meaning: str | None

    def is_as_listed(self, listed: "Listed") -> bool:
        """Whether a version of this shelf is the one that a release lists."""
        return self.fingerprint == listed.fingerprint and listed.meaning in {None, self.meaning}


@dataclass(frozen=True)
class Shelf:
    """What a folder holds, as parsed JSON. ``releases`` are in the order in which they were made."""

    folder: Path
    written: Mapping[str, Schema]
    released: Mapping[str, Mapping[int, Schema]]
    releases: Mapping[str, Mapping[str, list[Listed]]]

    def versions(self, name: str) -> dict[int, Schema]:
        """Every version of a schema by its number, the one written with the words that it is written with.

        The last is one proposed, where there is one.
        """
        versions = dict(self.released.get(name, {}))
        if name in self.written:
            versions[self.written_version(name)] = self.written[name]
        return versions

    def is_proposed(self, name: str) -> bool:
        """Whether what is written is none of the released versions."""
        return name in self.written and self._released_as(name) is None

    def written_version(self, name: str) -> int:
        """The number of the version that is written, a proposed one included. KeyError: there is no such schema."""
        number = self._released_as(name)
        return max(self.released.get(name, {}), default=0) + 1 if number is None else number

    def reads(self, name: str) -> list[Listed]:
        """The released versions, oldest first, as a release lists them."""
        return [listed(schema) for _, schema in sorted(self.released.get(name, {}).items())]

    def read_by(self, release: str, name: str) -> list[str]:
        """The fingerprints of what a release reads of a schema, as they stand in a header; empty: it has none such."""
        return [version.fingerprint for version in self.releases[release].get(name, [])]

    def release_before(self, release: str) -> str | None:
        """The last release that is not this one; None when there was none."""
        return next((before for before in reversed(list(self.releases)) if before != release), None)

    def _released_as(self, name: str) -> int | None:
        sought = meaning(self.written[name])
        numbers = [number for number, schema in self.released.get(name, {}).items() if meaning(schema) == sought]
        return max(numbers, default=None)


def read_shelf(folder: Path) -> Shelf:
    """What a folder holds; it may be a released/ too, in which nothing is written.

    UnusableSchema: there are no schemas in it, or a file is no JSON.
    """
    published = folder / "released"
    if not published.is_dir() and next(folder.glob("*/1.avsc"), None) is not None:
        published = folder
    if not published.is_dir():
        raise UnusableSchema(f"{folder} has no folder released/: name one as schemas/ is, of a checkout or a package")
    releases = published / RELEASES
    return Shelf(
        folder,
        {name: _json(folder / f"{name}.avsc") for name in NAMES if (folder / f"{name}.avsc").exists()},
        {one.name: _numbered(one) for one in sorted(published.iterdir()) if one.is_dir()},
        _releases(_json(releases)) if releases.exists() else {},
    )


def meaning(schema: Any) -> Any:
    """A schema without its docs: two that are then equal are one version."""
    return without("doc", schema)


def marked(schema: Schema) -> str:
    """The fingerprint as hexadecimal digits, in the order of the bytes of a header; empty for no schema."""
    try:
        return fingerprint(schema).hex()
    except UnusableSchema:
        return ""


def listed(schema: Schema) -> Listed:
    """A version as a release lists it."""
    text = json.dumps(meaning(schema), sort_keys=True)
    return Listed(marked(schema), hashlib.blake2b(text.encode(), digest_size=8).hexdigest())


def _releases(parsed: dict[str, dict[str, list[Any]]]) -> dict[str, dict[str, list[Listed]]]:
    return {
        release: {
            name: [Listed(one, None) if isinstance(one, str) else Listed(**one) for one in versions]
            for name, versions in reads.items()
        }
        for release, reads in parsed.items()
    }


def _numbered(folder: Path) -> dict[int, Schema]:
    numbered = {}
    for file in folder.glob("*.avsc"):
        if not file.stem.isdecimal():
            raise UnusableSchema(f"{file}: a released version is named by its number, as 1.avsc")
        numbered[int(file.stem)] = _json(file)
    return dict(sorted(numbered.items()))


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise UnusableSchema(f"{file} is no JSON: {error}") from None
