"""Verify a sealed dossier with Python's standard library alone: ``python -I -S verify.py dossier.jsonl``.

A dossier (`ronde incident export ID --sealed`) brings this as one file, joined of `seal.proofs`, `seal.ed25519`,
`seal.authority` and this module. It reads no network and trusts nothing in the dossier. What it cannot know by itself:
whether the public key is the monitoring centre's (``--key``), whether the centre keeps a second tree beside this one
(``--head``, from a head that was published or handed over earlier; ``--beside``, another dossier of the centre), and
whether time stamps are an authority's (``--authority``, by ``openssl``). docs/evidence.md says what a verified dossier
proves.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from seal.authority import stamped_at
from seal.ed25519 import is_signed
from seal.proofs import (
    CONTACT_FIELDS,
    SALT,
    Place,
    commitment,
    end_line,
    is_consistent,
    leaf_data,
    leaf_hash,
    read_value,
    resolved,
    root_by_inclusion,
)

OLDEST_PYTHON = (3, 8)
SLACK_MS = 600_000  # a deadline may be decided so late: after an outage
IDS = {"decisions": "decision_id", "calls": "command_id", "dispatches": "command_id", "attention": "attention_id"}
KINDS = ("dossier", "head", "consistency", "record", "end")


class Finding(Exception):
    """What is wrong with a dossier: a name for it, and where."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(f"{name}: {where}")
        self.name = name


class Head(NamedTuple):
    """A signed head: its number, when it was made, each tree, its hash, the hash before it.

    ``trees``: of each the size and the root. ``ends``: the offset behind all that each covers.
    """

    number: int
    at: str
    trees: dict[tuple[str, int], tuple[int, bytes]]
    ends: dict[tuple[str, int], int]
    digest: str
    previous: str
    stamp: str | None


class Dossier:
    """Checks one dossier, line by line; `findings` are the sentences that hold."""

    def __init__(
        self,
        lines: Sequence[bytes],
        key: str | None = None,
        published: Sequence[tuple[int, str]] = (),
        authority: str | None = None,
    ) -> None:
        self._raw = lines
        self._lines = self._parsed(lines)
        self._opening = self._lines[0]
        self._published = published
        self._key = key
        self._authority = authority
        self._schemas = dict(self._parsed_schemas())
        self.heads = list(self._heads())
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.sealed: dict[str, str] = {}

    def verify(self) -> list[str]:
        """Return what holds, in words. Raises `Finding`."""
        self._check_chain()
        self._check_consistency()
        for line in self._of("record"):
            self._check_record(line)
        found = [*self._words(), *self._check_incident()]
        if self._raw[-1].decode() != end_line(self._raw[:-1]):  # last: what else is wrong has a name of its own
            raise Finding("ALTERED", "the file is not as it was written: its last line is not the one of all before it")
        return found

    def _parsed(self, raw: Sequence[bytes]) -> list[dict[str, Any]]:
        parsed = []
        for number, text in enumerate(raw, start=1):
            try:
                line = json.loads(text)
            except ValueError:
                raise Finding("ALTERED", f"line {number} is no JSON") from None
            if not isinstance(line, dict) or line.get("line") != number:
                raise Finding("OUT_OF_ORDER", f"line {number} is not the one that was written there")
            if line.get("what") not in KINDS:
                raise Finding("ALTERED", f"line {number} is none of a dossier's")
            parsed.append(line)
        if not parsed or parsed[0]["what"] != "dossier":
            raise Finding("CUT", "the first line is missing")
        if parsed[-1]["what"] != "end":
            raise Finding("CUT", f"the file ends at line {len(parsed)}, before its end")
        ends = [line["line"] for line in parsed if line["what"] in {"dossier", "end"}]
        if ends != [1, len(parsed)]:
            raise Finding("OUT_OF_ORDER", f"line {ends[1]} begins or ends another dossier")
        return parsed

    def _parsed_schemas(self) -> Iterator[tuple[str, Any]]:
        for digest, text in self._opening["schemas"].items():
            if hashlib.sha256(text.encode()).hexdigest() != digest:
                raise Finding("ALTERED", f"the schema {digest} is not the one that wrote the records")
            yield digest, resolved(json.loads(text))

    def _of(self, what: str) -> Iterator[dict[str, Any]]:
        return (line for line in self._lines if line.get("what") == what)

    def _heads(self) -> Iterator[Head]:
        bodies = [json.loads(line["body"]) for line in self._of("head")]
        for line, body in zip(self._of("head"), bodies):  # noqa: B905 - Python 3.8 has no ``strict``
            trees = {(topic, part): (size, bytes.fromhex(root)) for topic, part, size, _, root in body["trees"]}
            ends = {(topic, part): end for topic, part, _, end, _ in body["trees"]}
            text, signature = line["body"].encode(), bytes.fromhex(line["signature"])
            key = self._opening["public_key"]
            if not is_signed(bytes.fromhex(key), text, signature):
                if key == bodies[-1]["key"] and is_signed(bytes.fromhex(body["key"]), text, signature):
                    raise Finding("OTHER_KEY", f"head {body['number']} is signed by {body['key']}, the last by {key}")
                raise Finding("FORGED_HEAD", f"head {body['number']} is not signed by the key of this dossier")
            digest = hashlib.sha256(text).hexdigest()
            yield Head(body["number"], body["at"], trees, ends, digest, body["previous"], line.get("stamp"))

    def _check_chain(self) -> None:
        if self._key is not None and self._key != self._opening["public_key"]:
            raise Finding("OTHER_KEY", f"the dossier is signed by {self._opening['public_key']}")
        if not self.heads:
            raise Finding("CUT", "there is no head")
        for place, head in enumerate(self.heads[1:]):
            before = self.heads[place]
            if head.number != before.number + 1 or head.previous != before.digest:
                raise Finding("OLDER_HEAD", f"head {head.number} does not follow head {before.number}")
        by_number = {head.number: head for head in self.heads}
        first, last = self.heads[0].number, self.heads[-1].number
        for number, digest in self._published:
            if number > last:
                why = f"head {number} was published, and the dossier ends at head {last}: ask for one up to it"
                raise Finding("OLDER_HEAD", why)
            if number < first:
                why = f"head {number} was published, and the dossier begins at head {first}: ask for one from it on"
                raise Finding("MISSING", why)
            if by_number[number].digest != digest:
                raise Finding("SECOND_TREE", f"head {number} is not the one that was published")

    def compare(self, other: Dossier) -> str:
        """Compare with another dossier of the same centre; return what both have. Raises `Finding`."""
        other._check_chain()
        if other._opening["public_key"] != self._opening["public_key"]:
            raise Finding("OTHER_KEY", f"the other dossier is signed by {other._opening['public_key']}")
        known = {head.number: head.digest for head in other.heads}
        common = [head for head in self.heads if head.number in known]
        for head in common:
            if known[head.number] != head.digest:
                raise Finding("SECOND_TREE", f"head {head.number} is another one in the other dossier")
        if not common:
            return "no head is in both dossiers: nothing is known of a second tree"
        return f"{len(common)} heads are in both dossiers, and the same"

    def _check_consistency(self) -> None:
        last = self.heads[-1]
        for line in self._of("consistency"):
            tree = (line["topic"], line["partition"])
            head = next((head for head in self.heads if head.number == line["head"]), None)
            if head is None:
                raise Finding("OLDER_HEAD", f"head {line['head']} is missing")
            if head is last:
                raise Finding("OLDER_HEAD", f"the head that follows head {line['head']} is missing")
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
        if any(type(number) is not int for number in (*place[1:], line["n"])) or line["n"] < 0:
            raise Finding("ALTERED", f"{where} has no place in a tree")  # -1 proves as the last leaf of a full tree
        types = self._types(line["schema"])
        names = [field[0] for field in line["fields"]]
        if names != ["key", "headers", *types]:
            raise Finding("ALTERED", f"{where} has other fields than its schema")
        commitments, value = [], {}
        for name, salt, data, kept in line["fields"]:
            if salt is None:
                if name not in CONTACT_FIELDS.get(place.topic, ()):
                    raise Finding("ALTERED", f"{where} withholds {name}, which no erasure of a contact takes")
                commitments.append(bytes.fromhex(kept))
                continue
            raw = bytes.fromhex(data)
            if len(bytes.fromhex(salt)) != SALT:  # else bytes could move between the salt and the data
                raise Finding("ALTERED", f"{where}: the salt of {name} has not {SALT} bytes")
            commitments.append(commitment(bytes.fromhex(salt), raw))
            if line["schema"] and name in types:
                value[name] = self._read(types[name], raw, f"{where}: {name}")
        if any(len(made) != 32 for made in commitments):
            raise Finding("ALTERED", f"{where} has a commitment that is none")
        leaf = leaf_hash(leaf_data(place, line["schema"], " ".join(names), commitments))
        size, root = self.heads[-1].trees.get(place[:2], (0, b""))
        if line["n"] >= size:
            raise Finding("OLDER_HEAD", f"{where} is not covered by head {self.heads[-1].number}")
        if root_by_inclusion(leaf, line["n"], size, [bytes.fromhex(node) for node in line["path"]]) != root:
            raise Finding("ALTERED", f"{where} is not the record that was sealed")
        for head in self.heads:  # each tree has the order of its log; else one could be written again behind a head
            size, end = head.trees.get(place[:2], (0, b""))[0], head.ends.get(place[:2], 0)
            if (line["n"] < size) != (place.offset < end):
                why = f"leaf {line['n']} of a tree of {size} that ends at offset {end}"
                raise Finding("SECOND_TREE", f"{where} is not where head {head.number} has it: {why}")
        name = str(value[IDS[place.topic]]) if place.topic in IDS else where
        if (place.topic, name) in self.records:
            raise Finding("OUT_OF_ORDER", f"{where} is there twice")
        self.records[place.topic, name] = {**value, "place": [*place[:3]]}
        first = next(head for head in self.heads if line["n"] < head.trees.get(place[:2], (0, b""))[0])
        self.sealed[where] = f"head {first.number} of {first.at}"

    def _types(self, schema: str) -> dict[str, Any]:
        """Return the fields of a schema with their types; a value that does not decode is a field of its own."""
        if not schema:
            return {"value": None}
        if schema not in self._schemas:
            raise Finding("MISSING", f"the schema {schema}")
        return {field["name"]: field["type"] for field in self._schemas[schema]["fields"]}

    def _read(self, kind: Any, raw: bytes, where: str) -> Any:
        try:
            value, end = read_value(kind, raw, 0)
        except (ValueError, IndexError):
            end = -1
        if end != len(raw):
            raise Finding("ALTERED", f"{where} does not decode")
        return value

    def _check_incident(self) -> Iterator[str]:
        incident = self._opening["incident"]
        decisions = [one for (topic, _), one in self.records.items() if topic == "decisions"]
        for one in decisions:
            if one["incident_id"] != incident:
                raise Finding("ALTERED", f"{one['decision_id']} is of another incident")
        versions = sorted(one["version"] for one in decisions)
        if not versions or versions != list(range(1, len(versions) + 1)):
            gap = next((number for number in range(1, len(versions) + 2) if number not in versions), 1)
            raise Finding("MISSING", f"version {gap} of incident {incident}")
        places = {tuple(one["place"]) for one in self.records.values()}
        ids = {name for topic, name in self.records if topic in IDS and topic != "decisions"}
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
                f"{', gave ' + ', '.join(one['outputs']) if one['outputs'] else ''}"
                f"; decided at {_time(one['at'])}, sealed by {self.sealed[where]}"
            )
        last = max(decisions, key=lambda decision: decision["version"])
        aside = self._set_aside(last, min(one["at"] for one in decisions))
        named = {name for one in decisions for name in one["outputs"]}
        causes = {(one["input"]["topic"], one["input"]["partition"], one["input"]["offset"]) for one in decisions}
        for (topic, name), one in self.records.items():
            if topic != "decisions" and name not in named and tuple(one["place"]) not in causes and one is not aside:
                raise Finding("MISSING", f"the decision that {name} belongs to")
        yield self._ending(last, aside)

    def _set_aside(self, last: dict[str, Any], opened_at: int) -> dict[str, Any] | None:
        """Return the attention that the site's state was set aside behind a decision; its incidents ended there."""
        since = last["at"] + (last["at"] == opened_at)  # what an input of the same instant opens is opened after it
        for (topic, _), one in self.records.items():
            ends_a_site = topic == "attention" and (one["reason"], one["incident_id"]) == ("FAILED", None)
            is_its_own = ends_a_site and one["site_id"] == last["site_id"] and one["raised_at"] >= since
            if is_its_own and last["phase_to"] != "CLOSED":
                return one
        return None

    def _ending(self, last: dict[str, Any], aside: dict[str, Any] | None) -> str:
        """Say how the incident ends; one that is open has decided at each deadline that was past by the last head."""
        versions, head = last["version"], self.heads[-1]
        if last["phase_to"] == "CLOSED":
            return f"versions 1 to {versions} are there, the last one closes the incident"
        if aside is not None:
            return f"versions 1 to {versions} are there; {aside['attention_id']} ends it: its site was set aside"
        sealed_at = datetime.strptime(head.at, "%Y-%m-%dT%H:%M:%S%z").timestamp() * 1000
        if last["deadline"] + SLACK_MS < sealed_at:
            where = f"{last['decision_id']}, whose deadline was past by head {head.number}"
            raise Finding("MISSING", f"a decision behind {where}")
        return f"versions 1 to {versions} are there; open at head {head.number} of {head.at}"

    def _words(self) -> Iterator[str]:
        last = self.heads[-1]
        yield f"incident {self._opening['incident']}"
        yield f"public key {self._opening['public_key']}{' (the one given)' if self._key else ' (compare it)'}"
        yield f"head {last.number} of {last.at}, SHA-256 {last.digest}{'' if self._published else ' (compare it)'}"
        stamped = [head for head in self.heads if head.stamp]
        yield f"{len(stamped)} of {len(self.heads)} heads have a time stamp (RFC 3161)"
        if self._authority is None and stamped:
            yield "whose stamps they are was not checked (--authority)"
        elif self._authority is not None:
            yield from map(self._check_stamp, stamped)
        for line in self._of("record"):
            withheld = [name for name, salt, *_ in line["fields"] if salt is None]
            if withheld:
                where = f"{line['topic']}-{line['partition']}-{line['offset']}"
                yield f"{where} withholds {', '.join(withheld)}: erased, and not to be derived from their commitments"

    def _check_stamp(self, head: Head) -> str:
        """Return when a stamp was made, by the authority given."""
        at = stamped_at(bytes.fromhex(head.stamp or ""), head.digest, str(self._authority))
        if at is None:
            raise Finding("FORGED_STAMP", f"the stamp of head {head.number} is not by the authority given")
        return f"head {head.number} was stamped at {at} by the authority given"


def _time(ms: int) -> str:
    at = datetime.fromtimestamp(ms // 1000, timezone.utc)  # noqa: UP017 - Python 3.8
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def main() -> int:
    """Verify a file; exit 0 where all holds, 1 with what does not, 2 where a file or this Python cannot be used."""
    if sys.version_info < OLDEST_PYTHON:  # else what it lacks would look like a forgery
        sys.stderr.write("Python %s.%s or newer is needed; nothing was verified\n" % OLDEST_PYTHON)  # noqa: UP031
        return 2
    parser = argparse.ArgumentParser(description="Verify a sealed dossier of ronde.")
    parser.add_argument("file", nargs="?", default="dossier.jsonl")
    parser.add_argument("--key", type=str.lower, help="the public key that the monitoring centre published, in hex")
    parser.add_argument(
        "--head", action="append", default=[], type=_published, help="a head that was published: NUMBER:SHA256"
    )
    parser.add_argument("--beside", metavar="FILE", help="another dossier of the same centre: its heads are compared")
    parser.add_argument("--authority", metavar="CA.pem", help="whose time stamps to check, by openssl")
    parser.add_argument("--show", action="store_true", help="print the records too, a line of JSON each")
    options = parser.parse_args()
    try:
        if options.authority:
            _lines(options.authority)  # else every stamp would look forged
        dossier = Dossier(_lines(options.file), options.key, options.head, options.authority)
        for sentence in dossier.verify():
            _say(sentence)
        for (topic, _), record in dossier.records.items() if options.show else ():
            _say(json.dumps({"topic": topic, **record}))
        if options.beside:
            _say(dossier.compare(Dossier(_lines(options.beside))))
    except Finding as finding:
        _say(str(finding))
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 2
    except Exception as error:  # noqa: BLE001 - a forger writes anything
        _say(f"ALTERED: a line has not the form of one ({type(error).__name__} {error})")
        return 1
    _say("all of this holds")
    return 0


def _say(sentence: str) -> None:
    """Write a line, as far as the terminal can show it: no id in it begins another line, or turns this one round."""
    text = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in sentence)
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _lines(file: str) -> list[bytes]:
    return Path(file).read_bytes().split(b"\n")[:-1]  # as they were written: other ends of lines are other bytes


def _published(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NUMBER:SHA256")
    return int(number), digest.lower()


if __name__ == "__main__":
    sys.exit(main())
