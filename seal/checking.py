"""Recompute what the topics still hold: it must meet the kept leaves, and these the kept heads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from seal.commitments import Commitments, Message
from seal.ed25519 import is_signed
from seal.proofs import commitment, leaf_data, leaf_hash
from seal.store import Store


def check_heads(store: Store) -> Iterator[str]:
    """Yield what does not hold of the heads: their signatures, their chain, the roots of the kept leaves."""
    previous = ""
    for number, head in enumerate(store.heads(), start=1):
        body = json.loads(head.body)
        if not is_signed(bytes.fromhex(body["key"]), head.body.encode(), head.signature):
            yield f"FORGED_HEAD: head {head.number} is not signed by its key"
        if head.number != number or body["number"] != number or body["previous"] != previous:
            yield f"OLDER_HEAD: head {head.number} does not follow the one before"
        previous = hashlib.sha256(head.body.encode()).hexdigest()
        for topic, partition, size, _, root in body["trees"]:
            if store.tree((topic, partition)).root(size).hex() != root:
                yield f"SECOND_TREE: {topic}-{partition}: the leaves do not give the root of head {head.number}"


def check_records(store: Store, commitments: Commitments, records: Iterable[Message]) -> Iterator[str]:
    """Yield the records that do not give their kept leaf. Those whose site is erased cannot be recomputed."""
    for record in records:
        where = f"{record.topic}-{record.partition}-{record.offset}"
        kept = store.kept((record.topic, record.partition), record.offset)
        if kept is None:
            continue
        leaf = commitments.leaf(record)
        if any(one.salt is None and not one.is_personal for one in leaf.fields):
            continue
        personal = kept[2] or b""
        made = []
        for one in leaf.fields:
            erased, personal = (personal[:32], personal[32:]) if one.is_personal else (b"", personal)
            made.append((one.name, erased if one.salt is None else commitment(one.salt, one.data)))
        if leaf_hash(leaf_data(leaf.place, leaf.schema, made)) != kept[1]:
            yield f"ALTERED: {where} is not the record that was sealed"
