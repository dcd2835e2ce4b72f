"""Verify a sealed dossier with Python's standard library alone: ``python -I -S verify.py dossier.jsonl``.

A dossier (`ronde incident export ID --sealed`) brings this as one file, joined of `seal.proofs`, `seal.ed25519` and
this module. It reads no network and trusts nothing in the dossier. What it cannot know by itself: whether the public
key is the monitoring centre's (``--key``), and whether the centre keeps a second tree beside this one (``--head``, from
a head that was published or handed over earlier). docs/evidence.md says what a verified dossier proves.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from seal.ed25519 import is_signed
from seal.proofs import Place, commitment, is_consistent, leaf_data, leaf_hash, read_value, resolved, root_by_inclusion

SLACK_MS = 600_000  # a deadline may be decided so late: after an outage


class Finding(Exception):
    """What is wrong with a dossier: a name for it, and where."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(f"{name}: {where}")
        self.name = name


class Head(NamedTuple):
    """A signed head: its number, when it was made, the size and root of each tree, its hash, the hash before it."""

    number: int
    at: str
    trees: dict[tuple[str, int], tuple[int, bytes]]
    digest: str
    previous: str
    stamp: str | None


class Dossier:
    """Checks one dossier, line by line; `findings` are the sentences that hold."""

    def __init__(self, lines: Sequence[bytes], key: str | None, published: Sequence[tuple[int, str]]) -> None:
        self._lines = self._parsed(lines)
        self._opening = self._lines[0]
        self._published = published
        self._key = key
        self.heads = list(self._heads())
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.sealed: dict[str, str] = {}

    def verify(self) -> list[str]:
        """Return what holds, in words. Raises `Finding`."""
        self._check_chain()
        self._check_consistency()
        for line in self._of("record"):
            self._check_record(line)
        return [*self._words(), *self._check_incident()]

    def _parsed(self, raw: Sequence[bytes]) -> list[dict[str, Any]]:
        parsed = []
        for number, text in enumerate(raw, start=1):
            try:
                line = json.loads(text)
            except ValueError:
                raise Finding("ALTERED", f"line {number} is no JSON") from None
            if not isinstance(line, dict) or line.get("line") != number:
                raise Finding("OUT_OF_ORDER", f"line {number} is not the one that was written there")
            parsed.append(line)
        if not parsed or parsed[0].get("what") != "dossier":
            raise Finding("CUT", "the first line is missing")
        if parsed[-1].get("what") != "end":
            raise Finding("CUT", f"the file ends at line {len(parsed)}, before its end")
        return parsed

    def _of(self, what: str) -> Iterator[dict[str, Any]]:
        return (line for line in self._lines if line.get("what") == what)

    def _heads(self) -> Iterator[Head]:
        for line in self._of("head"):
            body = json.loads(line["body"])
            trees = {(topic, part): (size, bytes.fromhex(root)) for topic, part, size, _, root in body["trees"]}
            digest = hashlib.sha256(line["body"].encode()).hexdigest()
            signed = is_signed(
                bytes.fromhex(self._opening["public_key"]), line["body"].encode(), bytes.fromhex(line["signature"])
            )
            if not signed:
                raise Finding("FORGED_HEAD", f"head {body['number']} is not signed by the key of this dossier")
            yield Head(body["number"], body["at"], trees, digest, body["previous"], line.get("stamp"))

    def _check_chain(self) -> None:
        if self._key is not None and self._key != self._opening["public_key"]:
            raise Finding("OTHER_KEY", f"the dossier is signed by {self._opening['public_key']}")
        if not self.heads:
            raise Finding("CUT", "there is no head")
        for before, head in zip(self.heads, self.heads[1:], strict=False):
            if head.number != before.number + 1 or head.previous != before.digest:
                raise Finding("OLDER_HEAD", f"head {head.number} does not follow head {before.number}")
        by_number = {head.number: head for head in self.heads}
        for number, digest in self._published:
            if number in by_number and by_number[number].digest != digest:
                raise Finding("SECOND_TREE", f"head {number} is not the one that was published")
            if number > self.heads[-1].number:
                last = self.heads[-1].number
                raise Finding("OLDER_HEAD", f"head {number} was published, and the dossier ends at head {last}")

    def _check_consistency(self) -> None:
        last = self.heads[-1]
        for line in self._of("consistency"):
            tree = (line["topic"], line["partition"])
            head = next((head for head in self.heads if head.number == line["head"]), None)
            if head is None:
                raise Finding("OLDER_HEAD", f"head {line['head']} is missing")
            size, root = head.trees.get(tree, (0, b""))
            if not is_consistent(size, root, *last.trees[tree], [bytes.fromhex(node) for node in line["path"]]):
                where = f"{tree[0]}-{tree[1]}"
                raise Finding("SECOND_TREE", f"{where}: the last head does not continue the tree of head {head.number}")
        shown = {(line["topic"], line["partition"], line["head"]) for line in self._of("consistency")}
        for line in self._of("record"):
            for head in self.heads[:-1]:
                if (line["topic"], line["partition"], head.number) not in shown:
                    raise Finding("MISSING", f"the proof of {line['topic']}-{line['partition']} for head {head.number}")

    def _check_record(self, line: dict[str, Any]) -> None:
        place = Place(line["topic"], line["partition"], line["offset"], line["timestamp"])
        where = f"{place.topic}-{place.partition}-{place.offset}"
        schema = resolved(self._opening["schemas"][line["schema"]]) if line["schema"] else None
        commitments, value = [], {}
        for name, salt, data, kept in line["fields"]:
            if salt is None:
                commitments.append((name, bytes.fromhex(kept)))
                continue
            raw = bytes.fromhex(data)
            commitments.append((name, commitment(bytes.fromhex(salt), raw)))
            kind = next((one["type"] for one in schema["fields"] if one["name"] == name), None) if schema else None
            if kind is not None:
                try:
                    value[name] = read_value(kind, raw, 0)[0]
                except (ValueError, IndexError):
                    raise Finding("ALTERED", f"{where}: {name} does not decode") from None
        leaf = leaf_hash(leaf_data(place, line["schema"], commitments))
        size, root = self.heads[-1].trees.get(place[:2], (0, b""))
        if line["n"] >= size:
            raise Finding("OLDER_HEAD", f"{where} is not covered by head {self.heads[-1].number}")
        if root_by_inclusion(leaf, line["n"], size, [bytes.fromhex(node) for node in line["path"]]) != root:
            raise Finding("ALTERED", f"{where} is not the record that was sealed")
        name = str(value.get(line["id"], where))
        if (place.topic, name) in self.records:
            raise Finding("OUT_OF_ORDER", f"{where} is there twice")
        self.records[place.topic, name] = {**value, "place": [*place[:3]]}
        first = next(head for head in self.heads if line["n"] < head.trees.get(place[:2], (0, b""))[0])
        self.sealed[where] = f"head {first.number} of {first.at}"

    def _check_incident(self) -> Iterator[str]:
        incident = self._opening["incident"]
        decisions = [one for (topic, _), one in self.records.items() if topic == "decisions"]
        versions = sorted(one["version"] for one in decisions if one.get("incident_id") == incident)
        if not versions or versions != list(range(1, len(versions) + 1)):
            gap = next((number for number in range(1, len(versions) + 2) if number not in versions), 1)
            raise Finding("MISSING", f"version {gap} of incident {incident}")
        places = {tuple(one["place"]) for one in self.records.values()}
        ids = {name for _, name in self.records}
        for one in sorted(decisions, key=lambda decision: decision["version"]):
            cause = one["input"]
            if cause["topic"] is not None and (cause["topic"], cause["partition"], cause["offset"]) not in places:
                raise Finding("MISSING", f"the input {cause['id']} of {one['decision_id']}")
            for name in one["outputs"]:
                if name not in ids:
                    raise Finding("MISSING", f"{name}, an output of {one['decision_id']}")
            where = "-".join(map(str, one["place"]))
            yield (
                f"{one['decision_id']}: {one['rule']}, of {cause['kind']} {cause['id']}"
                f"{', gave ' + ', '.join(one['outputs']) if one['outputs'] else ''}; sealed by {self.sealed[where]}"
            )
        named = {name for one in decisions for name in one["outputs"]}
        causes = {(one["input"]["topic"], one["input"]["partition"], one["input"]["offset"]) for one in decisions}
        for (topic, name), one in self.records.items():
            if topic != "decisions" and name not in named and tuple(one["place"]) not in causes:
                raise Finding("MISSING", f"the decision that {name} belongs to")
        yield self._ending(max(decisions, key=lambda decision: decision["version"]))

    def _ending(self, last: dict[str, Any]) -> str:
        """Say how the incident ends; one that is open has decided at each deadline that was past by the last head."""
        versions, head = last["version"], self.heads[-1]
        if last["phase_to"] == "CLOSED":
            return f"versions 1 to {versions} are there, the last one closes the incident"
        sealed_at = datetime.fromisoformat(head.at).timestamp() * 1000
        if last["deadline"] + SLACK_MS < sealed_at:
            where = f"{last['decision_id']}, whose deadline was past by head {head.number}"
            raise Finding("MISSING", f"a decision behind {where}")
        return f"versions 1 to {versions} are there; open at head {head.number} of {head.at}"

    def _words(self) -> Iterator[str]:
        last = self.heads[-1]
        yield f"public key {self._opening['public_key']}{' (the one given)' if self._key else ' (compare it)'}"
        yield f"head {last.number} of {last.at}, SHA-256 {last.digest}{'' if self._published else ' (compare it)'}"
        stamped = [head for head in self.heads if head.stamp]
        yield f"{len(stamped)} of {len(self.heads)} heads have a time stamp (RFC 3161)"
        withheld = sum(field[1] is None for line in self._of("record") for field in line["fields"])
        if withheld:
            yield f"{withheld} fields are withheld: what they were cannot be derived from their commitments"


def main() -> int:
    """Verify a file; exit 0 where all holds, 1 with what does not."""
    parser = argparse.ArgumentParser(description="Verify a sealed dossier of ronde.")
    parser.add_argument("file", nargs="?", default="dossier.jsonl")
    parser.add_argument("--key", help="the public key that the monitoring centre published, in hex")
    parser.add_argument("--head", action="append", default=[], help="a head that was published: NUMBER:SHA256")
    given = parser.parse_args()
    published = [(int(number), digest) for number, _, digest in (one.partition(":") for one in given.head)]
    try:
        for sentence in Dossier(Path(given.file).read_bytes().splitlines(), given.key, published).verify():
            sys.stdout.write(f"{sentence}\n")
    except Finding as finding:
        sys.stdout.write(f"{finding}\n")
        return 1
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        sys.stdout.write(f"ALTERED: a line has not the form of one ({type(error).__name__} {error})\n")
        return 1
    sys.stdout.write("all of this holds\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
