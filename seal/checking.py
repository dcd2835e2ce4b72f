"""Recompute what the topics still hold: it must meet the kept leaves, these the kept nodes, and all the heads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Sequence

from schemas.contract.topics import Log
from seal.commitments import Commitments
from seal.ed25519 import is_signed
from seal.proofs import BLOCK
from seal.store import Store, TreeState
from seal.tree import Tree, root_of
from service.log_record import LogRecord


def check_heads(store: Store, published: Sequence[tuple[int, str]] = ()) -> Iterator[str]:
    """Yield what does not hold of the heads: their signatures, their chain, the roots of the kept leaves.

    ``published``: numbers and hashes of heads that were published.
    """
    trees: dict[Log, Tree] = {}
    digests: dict[int, str] = {}
    previous = ""
    for number, head in enumerate(store.heads(), start=1):
        body = json.loads(head.body)
        if not is_signed(bytes.fromhex(body["key"]), head.body.encode(), head.signature):
            yield f"FORGED_HEAD: head {head.number} is not signed by its key"
        if head.number != number or body["number"] != number or body["previous"] != previous:
            yield f"OLDER_HEAD: head {head.number} does not follow the one before"
        previous = digests[head.number] = hashlib.sha256(head.body.encode()).hexdigest()
        for topic, partition, size, _, root in body["trees"]:
            tree = trees.setdefault((topic, partition), store.tree((topic, partition)))
            if _root(tree, size) != root:
                yield f"SECOND_TREE: {topic}-{partition}: the leaves do not give the root of head {head.number}"
    for number, digest in published:
        if number not in digests:
            yield f"OLDER_HEAD: head {number} was published, and is not kept"
        elif digests[number] != digest:
            yield f"SECOND_TREE: head {number} is not the one that was published"


def check_nodes(store: Store, log: Log, tree: TreeState) -> Iterator[str]:
    """Yield the kept nodes that the kept leaves do not give."""
    where = f"{log[0]}-{log[1]}"
    for block in range(tree.size // BLOCK):
        begin = block * BLOCK
        leaves = store.leaves(log, begin, begin + BLOCK)
        if len(leaves) != BLOCK or [root_of(leaves)] != store.nodes(log, block, block + 1):
            yield f"ALTERED: {where}: the leaves {begin} to {begin + BLOCK - 1} do not give their node"


def check_records(
    store: Store, commitments: Commitments, log: Log, tree: TreeState, records: Iterable[LogRecord], first: int
) -> Generator[str, None, int]:
    """Yield the records of a log that do not give their kept leaf, and what is there on one side alone.

    ``first`` is the first offset that the log still holds. Records whose site is erased cannot be recomputed. Returns
    how many records are there behind the end of the tree.
    """
    later = 0
    leaves = store.leaves_from(log, first)
    leaf = next(leaves, None)
    for record in records:
        if record.offset >= tree.next_offset:
            later += 1
            continue
        while leaf is not None and leaf.offset < record.offset:
            yield f"MISSING: {log[0]}-{log[1]}-{leaf.offset} was sealed, and the topic does not have it"
            leaf = next(leaves, None)
        if leaf is None or leaf.offset != record.offset:
            yield f"MISSING: {log[0]}-{log[1]}-{record.offset} is in the topic, and was not sealed"
            continue
        kept = (leaf.hash, leaf.personal)
        if not commitments.kept_leaf(record, *kept).meets(*kept):
            yield f"ALTERED: {log[0]}-{log[1]}-{record.offset} is not the record that was sealed"
        leaf = next(leaves, None)
    while leaf is not None and leaf.offset < tree.next_offset:
        yield f"MISSING: {log[0]}-{log[1]}-{leaf.offset} was sealed, and the topic does not have it"
        leaf = next(leaves, None)
    return later


def known_logs(store: Store) -> set[Log]:
    """Return the logs that are sealed: which have a tree, or are named by the last head, empty as they were."""
    last = store.last_head()
    named = [] if last is None else json.loads(last.body)["trees"]
    return {*store.trees(), *((topic, number) for topic, number, *_ in named)}


def _root(tree: Tree, size: int) -> str:
    try:
        return tree.root(size).hex()
    except IndexError:  # leaves are missing
        return ""
