"""Heads: signed, chained, stamped if an authority is set."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.contract.topics import Log
from seal import keys, stamps
from seal.errors import SealError
from seal.metrics import SealMetrics
from seal.store import Head, Store, TreeState
from service.clock import now_ms
from service.logs import logger

_STAMP_AGAIN_SECONDS: Final = 60.0
_log = logger(__name__)


class Heads:
    """Signs and keeps heads. Raises what `Store` raises; an authority that is away stops nothing."""

    def __init__(self, store: Store, key: Ed25519PrivateKey, stamp_url: str | None, metrics: SealMetrics) -> None:
        self._store = store
        self._key = key
        self._stamp_url = stamp_url
        self._metrics = metrics
        self._asked_at = time.monotonic()
        last = store.last_head()
        if last is not None:
            metrics.head_made_at.set(last.made_at / 1000)

    def sign(self, trees: Mapping[Log, TreeState], made_at: int | None = None) -> Head:
        """Sign a head over trees as they are kept, and have it stamped.

        ``trees`` names those that have no leaf yet too; ``made_at``: ms since 1970, UTC (default: now). Another process
        may sign at the same time: one waits for the other, and covers as much or more.
        """
        with self._store.signing():
            last = self._store.last_head()
            number, previous = (last.number + 1, last.digest) if last is not None else (1, "")
            made_at = now_ms() if made_at is None else made_at
            at = datetime.fromtimestamp(made_at // 1000, UTC).isoformat().replace("+00:00", "Z")
            roots = [
                (*log, tree.size, tree.next_offset, self._store.tree(log).root(tree.size).hex())
                for log, tree in {**trees, **self._store.trees()}.items()
            ]
            body = _body(number, at, keys.public_hex(self._key), previous, roots)
            digest = hashlib.sha256(body.encode()).hexdigest()
            head = Head(number, made_at, body, digest, self._key.sign(body.encode()), None)
            self._store.keep_head(head)
        self._metrics.heads.inc()
        self._metrics.head_made_at.set(made_at / 1000)
        _log.info("head signed", number=number, sha256=digest)
        return head._replace(stamp=self._stamped(head))

    def stamp_again(self, after_seconds: float = _STAMP_AGAIN_SECONDS) -> None:
        """Ask for the stamp that the last head lacks, ``after_seconds`` after it was last asked for."""
        if self._stamp_url is None or time.monotonic() - self._asked_at < after_seconds:
            return
        self._asked_at = time.monotonic()
        last = self._store.last_head()
        if last is not None and last.stamp is None:
            self._stamped(last)

    def _stamped(self, head: Head) -> bytes | None:
        """Have a head that is kept stamped, and keep the stamp."""
        if self._stamp_url is None:
            return None
        self._asked_at = time.monotonic()
        try:
            answer = stamps.stamp(self._stamp_url, bytes.fromhex(head.digest))
        except SealError as error:
            self._metrics.stamps.labels("failed").inc()
            _log.error("the head is kept without a stamp for now", number=head.number, reason=str(error))
            return None
        self._metrics.stamps.labels("stamped").inc()
        self._store.keep_stamp(head.number, answer)
        return answer


def _body(number: int, at: str, key: str, previous: str, trees: Iterable[tuple[str, int, int, int, str]]) -> str:
    """Return the text of a head: topic, partition, size, end offset and root of each tree, and the head before it.

    ``key`` is the public key that it is signed by.
    """
    body = {"number": number, "at": at, "key": key, "previous": previous, "trees": sorted(trees)}
    return json.dumps(body, separators=(",", ":"))
