"""Write the dossier of an incident: its records with salts and proofs, the heads that cover them, and ``verify.py``."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from schemas.contract.topics import Log
from seal.commitments import Commitments, Leaf
from seal.errors import SealError
from seal.proofs import CONTACT_FIELDS, end_line
from seal.store import Head, Store
from seal.verify import IDS
from service.log_record import LogRecord

_OUR_IMPORTS: Final = re.compile(r"(^from seal\.\w+ import (\([^)]*\)|.*)\n)+", re.MULTILINE)
_BEHIND: Final = 24  # heads behind the first that covers all: what is published once a day is among them
_WHEN: Final = (2020, 1, 1, 0, 0, 0)  # the same dossier is the same file
_READ_ME: Final = """A sealed dossier of ronde. Verify it with Python alone, offline:

    python3 -I -S verify.py dossier.jsonl

Compare the public key and the last head that it prints with those that the monitoring centre published:

    python3 -I -S verify.py dossier.jsonl --key HEX --head NUMBER:SHA256

With --show it prints the records too.
"""


def dossier(
    store: Store,
    incident: str,
    commitments: Commitments,
    records: Iterable[LogRecord],
    *,
    is_open: bool = False,
    since_head: int | None = None,
    until_head: int | None = None,
) -> bytes:
    """Return the zip, with the heads from ``since_head`` on (default: the first that covers a record).

    They end with ``until_head``; by default a day's heads behind the first that covers all, with ``is_open`` with the
    last: that says until when it is open.

    Raises `SealError` where a record is not under a head yet, its site is erased, or there is no such head.
    """
    leaves = [_kept(store, commitments, record) for record in records]
    leaves.sort(key=lambda one: (one[0].place.topic, one[0].place.partition, one[1]))
    heads = _heads(store, leaves, since_head, until_head, is_open=is_open)
    lines: list[dict[str, Any]] = [
        {
            "what": "dossier",
            "incident": incident,
            "public_key": json.loads(heads[-1].body)["key"],
            "schemas": {leaf.schema: commitments.schemas[leaf.schema] for leaf, *_ in leaves if leaf.schema},
        }
    ]
    lines += [_head(head) for head in heads]
    lines += _consistency(store, heads, {leaf.place[:2] for leaf, *_ in leaves})
    lines += [_record(store, heads[-1], *one) for one in leaves]
    texts = [json.dumps({"line": number, **line}) for number, line in enumerate(lines, start=1)]
    texts.append(end_line([text.encode() for text in texts]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (
            ("README.txt", _READ_ME),
            ("dossier.jsonl", "".join(f"{text}\n" for text in texts)),
            ("verify.py", verifier()),
        ):
            file.writestr(zipfile.ZipInfo(name, _WHEN), content)
        for head in heads:
            if head.stamp is not None:
                file.writestr(zipfile.ZipInfo(f"head-{head.number}.tsr", _WHEN), head.stamp)
                file.writestr(zipfile.ZipInfo(f"head-{head.number}.txt", _WHEN), head.body)
    return packed.getvalue()


def verifier() -> str:
    """Return the verifier as one file: its modules stand in the place of their imports."""
    parts = [(files("seal") / name).read_text("utf-8") for name in ("proofs.py", "ed25519.py", "authority.py")]
    shared = "".join(part[part.index("\n\nimport ") :] for part in parts)
    text = (files("seal") / "verify.py").read_text("utf-8")
    return _OUR_IMPORTS.sub(lambda _: f"{shared}\n", text, count=1)


def _kept(store: Store, commitments: Commitments, record: LogRecord) -> tuple[Leaf, int, bytes]:
    where = f"{record.topic}-{record.partition}-{record.offset}"
    kept = store.kept((record.topic, record.partition), record.offset)
    if kept is None:
        raise SealError(f"{where} is not sealed yet: `ronde seal` is behind")
    leaf = commitments.kept_leaf(record, kept.hash, kept.personal)
    if not leaf.schema and record.topic in IDS:
        raise SealError(f"{where} was sealed while nobody knew its schema: a verifier could not read it")
    if not leaf.schema and _may_name_an_erased_contact(store, commitments, record):
        raise SealError(f"{where} was sealed while nobody knew its schema: its contact's fields cannot be withheld")
    return leaf, kept.n, kept.personal


def _may_name_an_erased_contact(store: Store, commitments: Commitments, record: LogRecord) -> bool:
    """Whether a value, sealed as one field under the site's secret, has what the erasure of a contact took."""
    if record.topic not in CONTACT_FIELDS or not store.erased:
        return False
    parts = commitments.parts(record)
    if not parts.layout.schema:  # nor is it known by now whom it names
        return True
    return store.is_erased(parts.site_id, parts.contact_id, parts.place)


def _heads(
    store: Store, leaves: Sequence[tuple[Leaf, int, bytes]], since: int | None, until: int | None, *, is_open: bool
) -> list[Head]:
    """Return the heads of a dossier, as `dossier` says."""
    sizes: dict[Log, int] = {}
    for leaf, place, _ in leaves:
        log = (leaf.place.topic, leaf.place.partition)
        sizes[log] = max(sizes.get(log, 0), place + 1)
    firsts = {log: min(place for leaf, place, _ in leaves if leaf.place[:2] == log) for log in sizes}
    chosen: list[Head] = []
    is_covered, end = False, until
    begin = _first_over(store, firsts)
    for head in store.heads(begin if since is None else min(begin, since)):
        trees = _sizes(head)
        is_first = head.number == since or _is_over_any(trees, firsts)
        if is_first and not chosen and since is not None and head.number != since:
            raise SealError(f"head {since} is not kept, or later than the incident: name one up to {head.number}")
        if chosen or is_first:
            chosen.append(head)
        if not is_covered and all(trees.get(log, 0) >= size for log, size in sizes.items()):
            is_covered = True
            end = head.number + _BEHIND if end is None and not is_open else end
        if end is not None and head.number >= end:
            break
    if until is not None and (not chosen or chosen[-1].number != until):
        raise SealError(f"head {until} is not kept, or earlier than the incident")
    if is_covered:
        return chosen
    if until is not None:
        raise SealError(f"head {until} does not cover all of it: name a later one")
    raise SealError("no head covers all of it yet: they are signed each hour; or sign one now with `ronde seal --once`")


def _first_over(store: Store, firsts: Mapping[Log, int]) -> int:
    """Return the number of the first head over any of these places, found by halves: trees only grow."""
    last = store.last_head()
    begin, end = 1, 1 if last is None else last.number
    while begin < end:
        middle = (begin + end) // 2
        head = store.head_from(middle)
        if head is None or _is_over_any(_sizes(head), firsts):
            end = middle
        else:
            begin = head.number + 1
    return begin


def _sizes(head: Head) -> dict[Log, int]:
    return {(topic, number): size for topic, number, size, *_ in json.loads(head.body)["trees"]}


def _is_over_any(sizes: Mapping[Log, int], firsts: Mapping[Log, int]) -> bool:
    return any(sizes.get(log, 0) > first for log, first in firsts.items())


def _head(head: Head) -> dict[str, Any]:
    stamp = None if head.stamp is None else head.stamp.hex()
    return {"what": "head", "body": head.body, "signature": head.signature.hex(), "stamp": stamp}


def _consistency(store: Store, heads: Sequence[Head], logs: Iterable[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    last = {tuple(tree[:2]): tree[2] for tree in json.loads(heads[-1].body)["trees"]}
    for topic, partition in sorted(logs):
        tree = store.tree((topic, partition))
        for head in heads[:-1]:
            sizes = {tuple(one[:2]): one[2] for one in json.loads(head.body)["trees"]}
            path = tree.consistency(sizes.get((topic, partition), 0), last[topic, partition])
            yield {
                "what": "consistency",
                "topic": topic,
                "partition": partition,
                "head": head.number,
                "path": [node.hex() for node in path],
            }


def _record(store: Store, head: Head, leaf: Leaf, place: int, personal: bytes) -> dict[str, Any]:
    topic, partition, offset, timestamp = leaf.place
    size = next(tree[2] for tree in json.loads(head.body)["trees"] if tree[:2] == [topic, partition])
    fields = []
    for one in leaf.fields:
        kept, personal = (personal[:32], personal[32:]) if one.is_personal else (b"", personal)
        if one.salt is not None:
            fields.append([one.name, one.salt.hex(), one.data.hex(), None])
        elif kept:
            fields.append([one.name, None, None, kept.hex()])
        else:
            raise SealError(f"{topic}-{partition}-{offset}: its site was erased, and nothing of it can be opened")
    return {
        "what": "record",
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
        "n": place,
        "schema": leaf.schema,
        "fields": fields,
        "path": [node.hex() for node in store.tree((topic, partition)).inclusion(place, size)],
    }
