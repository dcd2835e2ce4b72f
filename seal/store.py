"""The schema ``seal`` in PostgreSQL: trees, leaves, secrets, heads."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from typing import Any, Final, NamedTuple, TypeAlias

from psycopg.types.json import Jsonb

from schemas.contract.topics import Log
from seal.commitments import SealedLeaf, owner_name
from seal.errors import LockedError, SealError
from seal.proofs import BLOCK, Place
from seal.tree import Tree, root_of
from service import postgres
from service.pooling import refuse_shared_sessions
from service.postgres import Session
from service.postgres_settings import PostgresSettings

Owner: TypeAlias = tuple[str, str]  # a site, and a contact or empty
_LOCK: Final = 0x5EA1  # of the process that seals
_HEAD_LOCK: Final = 0x5EA2  # of the one that signs a head
_SCHEMA_LOCK: Final = 0x5EA3  # of the one that makes the tables
_SECRETS: Final = 200_000  # kept in memory
_RUNS: Final = 16  # of leaves, read at a time
_HEADS: Final = 100  # the same
_HEAD: Final = "SELECT number, made_at, body, digest, signature, stamp FROM seal.heads"
_CHANGED: Final = "a tree has changed beneath this process: is there another `ronde seal`?"
_HASH: Final = 32  # bytes
_FOREVER: Final = 2**63 - 1  # behind every timestamp


class TreeState(NamedTuple):
    """How many leaves a tree has, and which offset comes next."""

    size: int
    next_offset: int


class Head(NamedTuple):
    """A head as it is kept."""

    number: int
    made_at: int
    body: str
    digest: str
    signature: bytes
    stamp: bytes | None


class KeptLeaf(NamedTuple):
    """What is kept of a record: its place in the tree, its offset, its hash, its contact's commitments."""

    n: int
    offset: int
    hash: bytes
    personal: bytes


connect: Final = partial(postgres.connect, application="ronde seal")


def connect_to_seal(settings: PostgresSettings) -> Session:
    """Connect with a session of its own, which holds the lock. Raises `psycopg.Error`; `SealError` behind a pooler."""
    connection = connect(settings)
    try:
        refuse_shared_sessions(connection, settings, "seal", SealError)
    except BaseException:
        connection.close()
        raise
    return connection


def make_schema(connection: Session) -> None:
    """Make the tables where there are none, or those of an earlier version. Raises `psycopg.Error`."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
        if not (_has_column(connection, "seal.erasures", "ends") and _has_column(connection, "seal.topics", "id")):
            connection.execute((files("seal") / "schema.sql").read_text("utf-8"))


def _has_column(connection: Session, table: str, column: str) -> bool:
    """Whether a table is there, with a column."""
    found = "SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s"
    return connection.execute(found, (table, column)).fetchone() is not None


class Store:
    """What is kept. Every method may raise `psycopg.Error`."""

    def __init__(self, connection: Session) -> None:
        """Raises `SealError` where nothing was ever sealed."""
        if not _has_column(connection, "seal.erasures", "ends"):  # who reads alone needs nothing newer
            raise SealError("the database has no schema seal of this version: run `ronde seal` first, it makes it")
        self._connection = connection
        self._secrets: dict[Owner, bytes] = {}
        self._new: dict[Owner, bytes] = {}
        self._tails: dict[Log, list[bytes]] = {}  # leaves behind the last whole block
        self.erased: dict[Owner, int] = {
            (site, contact): at
            for site, contact, at in self._rows("SELECT site_id, contact_id, erased_at FROM seal.erasures")
        }
        self._ends: dict[Owner, Mapping[str, int]] = {}  # of the erasures that were asked for

    def lock(self) -> None:
        """Be the process that seals, until the session ends. Raises `LockedError` where there is another."""
        if not self._rows("SELECT pg_try_advisory_lock(%s)", _LOCK)[0][0]:
            raise LockedError("another `ronde seal` writes this schema: one is enough")

    def ping(self) -> None:
        """Notice that the connection is gone, and the lock with it."""
        self._connection.execute("SELECT")

    # --- secrets ------------------------------------------------------------------------------------

    def fetch(self, owners: Collection[Owner]) -> None:
        """Fetch the secrets of a batch in one query, and make those that are missing."""
        if len(self._secrets) > _SECRETS:
            self._secrets.clear()
        missing = list({owner for owner in owners if owner not in self._secrets})
        if not missing:
            return
        rows = self._rows(
            "SELECT site_id, contact_id, secret FROM seal.secrets"
            " JOIN unnest(%s::text[], %s::text[]) AS named (site_id, contact_id) USING (site_id, contact_id)",
            [site for site, _ in missing],
            [contact for _, contact in missing],
        )
        self._secrets.update(((site, contact), secret) for site, contact, secret in rows)
        for owner in missing:
            if owner not in self._secrets:
                self._secrets[owner] = self._new[owner] = os.urandom(_HASH)

    def secret(self, site_id: str, contact_id: str, place: Place) -> bytes | None:
        """Return a secret for a record; None: it was destroyed, or there is none."""
        if self.is_erased(site_id, contact_id, place):
            return None
        owner = (site_id, contact_id)
        secret = self._secrets.get(owner)
        if secret is None:
            row = self._rows("SELECT secret FROM seal.secrets WHERE site_id = %s AND contact_id = %s", *owner)
            if not row:
                return None
            secret = self._secrets[owner] = row[0][0]
        return secret

    def is_erased(self, site_id: str, contact_id: str, place: Place) -> bool:
        """Whether an erasure took what a record has of a site and a contact.

        It takes what is of its time or before, and what was sealed when it was carried out.
        """
        if not self.erased:
            return False
        owners = ((site_id, ""), (site_id, contact_id), ("", contact_id)) if contact_id else ((site_id, ""),)
        return any(self._takes(owner, place) for owner in owners)

    def _takes(self, owner: Owner, place: Place) -> bool:
        erased_at = self.erased.get(owner)
        if erased_at is None:
            return False
        return place.timestamp <= erased_at or place.offset < self._ends_of(owner).get(_name(place[:2]), 0)

    def _ends_of(self, owner: Owner) -> Mapping[str, int]:
        """Where the trees ended when an erasure was carried out: what lies before has a secret that is destroyed."""
        ends = self._ends.get(owner)
        if ends is None:
            rows = self._rows("SELECT ends FROM seal.erasures WHERE site_id = %s AND contact_id = %s", *owner)
            ends = self._ends[owner] = (rows[0][0] if rows else None) or {}
        return ends

    def erase(self, site_id: str, contact_id: str, erased_at: int) -> bool:
        """Destroy the secrets of a site or a contact; an empty id is any. False: that was done before.

        All that is sealed by then stays closed, also what is younger than the erasure: it has no secret any more.
        """
        owner = (owner_name(site_id), owner_name(contact_id))
        if owner == ("", "") or erased_at <= self.erased.get(owner, -1):
            return False
        ends = {_name(log): tree.next_offset for log, tree in self.trees().items()}  # no other process adds to them
        with self._connection.transaction():
            self._connection.execute(
                "DELETE FROM seal.secrets WHERE (site_id = %(site)s OR %(site)s = '')"
                " AND (contact_id = %(contact)s OR %(contact)s = '')",
                {"site": owner[0], "contact": owner[1]},
            )
            self._connection.execute(
                "INSERT INTO seal.erasures (site_id, contact_id, erased_at, ends) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (site_id, contact_id) DO UPDATE SET erased_at = excluded.erased_at, ends = excluded.ends",
                (*owner, erased_at, Jsonb(ends)),
            )
        self._secrets.clear()
        self._new.clear()
        self.erased[owner] = erased_at
        self._ends[owner] = ends
        return True

    def foresee(self, site_id: str, contact_id: str, erased_at: int) -> None:
        """Keep closed here what an erasure closes that `erase` has not carried out yet: all that is sealed by now."""
        owner = (owner_name(site_id), owner_name(contact_id))
        if owner != ("", "") and erased_at > self.erased.get(owner, -1):
            self.erased[owner] = _FOREVER

    # --- trees --------------------------------------------------------------------------------------

    def trees(self) -> dict[Log, TreeState]:
        """Return every tree."""
        rows = self._rows("SELECT topic, partition, size, next_offset FROM seal.trees")
        return {(topic, number): TreeState(*state) for topic, number, *state in rows}

    def topics(self) -> dict[str, str]:
        """Return the id that each topic had when it was sealed, of those that have one."""
        return dict(self._rows("SELECT topic, id FROM seal.topics"))

    def keep_topics(self, ids: Mapping[str, str]) -> None:
        """Keep the ids of topics, each in the place of the one before."""
        keep = "INSERT INTO seal.topics VALUES (%s, %s) ON CONFLICT (topic) DO UPDATE SET id = excluded.id"
        for named in ids.items():
            self._connection.execute(keep, named)

    def append(self, trees: Mapping[Log, TreeState], batch: Mapping[Log, Sequence[SealedLeaf]]) -> dict[Log, TreeState]:
        """Append a batch to its trees in one transaction; return them. Raises `SealError` where another process has."""
        after: dict[Log, TreeState] = {}
        nodes: list[tuple[str, int, int, bytes]] = []
        for log, leaves in batch.items():
            before = trees[log]
            after[log] = TreeState(before.size + len(leaves), leaves[-1].offset + 1)
            nodes += self._whole_blocks(log, before.size, leaves)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO seal.trees (topic, partition, size, next_offset) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (topic, partition) DO UPDATE SET size = excluded.size, next_offset = excluded.next_offset"
                " WHERE trees.size = %s AND trees.next_offset = %s",
                [(*log, *state, *trees[log]) for log, state in after.items()],
            )
            if cursor.rowcount != len(after):
                raise SealError(_CHANGED)
            if self._new:
                cursor.executemany(
                    "INSERT INTO seal.secrets VALUES (%s, %s, %s)",
                    [(*owner, secret) for owner, secret in self._new.items()],
                )
            cursor.executemany(
                "INSERT INTO seal.leaves VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [_run(log, trees[log].size, leaves) for log, leaves in batch.items()],
            )
            if nodes:
                cursor.executemany("INSERT INTO seal.nodes VALUES (%s, %s, %s, %s)", nodes)
        self._new.clear()
        return after

    def skip(self, trees: Mapping[Log, TreeState], ends: Mapping[Log, int]) -> dict[Log, TreeState]:
        """Let trees end behind offsets that have no record to seal; return them. Raises as `append`."""
        move = "UPDATE seal.trees SET next_offset = %s WHERE (topic, partition, size, next_offset) = (%s, %s, %s, %s)"
        moves = [(end, *log, *trees[log]) for log, end in ends.items()]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(move, moves)
            if cursor.rowcount != len(moves):
                raise SealError(_CHANGED)
        return {log: trees[log]._replace(next_offset=end) for log, end in ends.items()}

    def _whole_blocks(self, log: Log, size: int, leaves: Sequence[SealedLeaf]) -> Iterator[tuple[str, int, int, bytes]]:
        """Yield the nodes of the blocks that more leaves complete."""
        tail = self._tails.get(log)
        if tail is None:
            tail = self._tails[log] = self.leaves(log, size - size % BLOCK, size)
        assert len(tail) == size % BLOCK, "a tree's tail follows its last whole block"
        tail += [leaf.hash for leaf in leaves]
        for block, begin in enumerate(range(0, len(tail) - BLOCK + 1, BLOCK), start=size // BLOCK):
            yield (*log, block, root_of(tail[begin : begin + BLOCK]))
        del tail[: len(tail) - len(tail) % BLOCK]

    def leaves(self, log: Log, begin: int, end: int) -> list[bytes]:
        """Return hashes of leaves."""
        return [leaf.hash for leaf in self.kept_leaves(log, begin, end)]

    def kept_leaves(self, log: Log, begin: int, end: int) -> Iterator[KeptLeaf]:
        """Yield leaves by their places."""
        rows = self._rows(
            "SELECT n, hashes, offsets, personal FROM seal.leaves WHERE topic = %(topic)s AND partition = %(partition)s"
            " AND n >= (SELECT coalesce(max(n), 0) FROM seal.leaves"
            "     WHERE topic = %(topic)s AND partition = %(partition)s AND n <= %(begin)s)"
            " AND n < %(end)s ORDER BY n",
            {"topic": log[0], "partition": log[1], "begin": begin, "end": end},
        )  # fmt: skip
        for row in rows:
            for leaf in _leaves(*row):
                if begin <= leaf.n < end:
                    yield leaf

    def leaves_from(self, log: Log, offset: int) -> Iterator[KeptLeaf]:
        """Yield the leaves of the records from an offset on, some runs of them in memory at a time."""
        runs: Sequence[tuple[Any, ...]] = [()] * _RUNS
        while len(runs) == _RUNS:
            runs = self._rows(
                "SELECT last_offset, n, hashes, offsets, personal FROM seal.leaves"
                " WHERE topic = %s AND partition = %s AND last_offset >= %s ORDER BY last_offset LIMIT %s",
                *log, offset, _RUNS,
            )  # fmt: skip
            for last, *run in runs:
                yield from (leaf for leaf in _leaves(*run) if leaf.offset >= offset)
                offset = last + 1

    def kept(self, log: Log, offset: int) -> KeptLeaf | None:
        """Return what is kept of a record; None: it is not sealed."""
        rows = self._rows(
            "SELECT n, hashes, offsets, personal FROM seal.leaves"
            " WHERE topic = %s AND partition = %s AND last_offset >= %s ORDER BY last_offset LIMIT 1",
            *log, offset,
        )  # fmt: skip
        return next((leaf for row in rows for leaf in _leaves(*row) if leaf.offset == offset), None)

    def nodes(self, log: Log, begin: int, end: int) -> list[bytes]:
        """Return hashes of whole blocks of leaves."""
        rows = self._rows(
            "SELECT hash FROM seal.nodes WHERE topic = %s AND partition = %s AND block >= %s AND block < %s"
            " ORDER BY block",
            *log, begin, end,
        )  # fmt: skip
        return [row[0] for row in rows]

    def tree(self, log: Log) -> Tree:
        """Return a tree that proves."""
        return Tree(lambda begin, end: self.leaves(log, begin, end), lambda begin, end: self.nodes(log, begin, end))

    # --- heads --------------------------------------------------------------------------------------

    def heads(self, since: int = 0) -> Iterator[Head]:
        """Yield the heads from a number on, up to the one that is the last at first."""
        last = self.last_head()
        rows: Sequence[tuple[Any, ...]] = [()] * _HEADS
        while last is not None and len(rows) == _HEADS:
            rows = self._rows(
                f"{_HEAD} WHERE number BETWEEN %s AND %s ORDER BY number LIMIT %s", since, last[0], _HEADS
            )
            for row in rows:
                yield Head(*row)
                since = row[0] + 1

    def head_from(self, number: int) -> Head | None:
        """Return the first head of a number or a later one."""
        rows = self._rows(f"{_HEAD} WHERE number >= %s ORDER BY number LIMIT 1", number)
        return Head(*rows[0]) if rows else None

    def last_head(self) -> Head | None:
        """Return the last head."""
        rows = self._rows(f"{_HEAD} ORDER BY number DESC LIMIT 1")
        return Head(*rows[0]) if rows else None

    @contextmanager
    def signing(self) -> Iterator[None]:
        """Be the only one that signs a head, until it is kept."""
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_HEAD_LOCK,))
            yield

    def keep_head(self, head: Head) -> None:
        """Keep a head."""
        self._connection.execute("INSERT INTO seal.heads VALUES (%s, %s, %s, %s, %s, %s)", head)

    def keep_stamp(self, number: int, stamp: bytes) -> None:
        """Keep the stamp of a head that has none."""
        self._connection.execute(
            "UPDATE seal.heads SET stamp = %s WHERE number = %s AND stamp IS NULL", (stamp, number)
        )

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        named = values[0] if len(values) == 1 and isinstance(values[0], dict) else values
        return self._connection.execute(statement, named).fetchall()


def _name(log: Log) -> str:
    return f"{log[0]}-{log[1]}"


def _run(log: Log, first: int, leaves: Sequence[SealedLeaf]) -> tuple[Any, ...]:
    offsets = [leaf.offset for leaf in leaves]
    hashes = b"".join([leaf.hash for leaf in leaves])
    personal = None
    if any(leaf.personal for leaf in leaves):
        personal = b"".join([bytes((len(leaf.personal) // _HASH,)) + leaf.personal for leaf in leaves])
    packed = struct.pack(f">{len(offsets)}q", *offsets)
    return (*log, first, len(leaves), offsets[-1], hashes, packed, personal)


def _leaves(first: int, hashes: bytes, offsets: bytes, personal: bytes | None) -> Iterator[KeptLeaf]:
    at = 0
    for place, (offset,) in enumerate(struct.iter_unpack(">q", offsets)):
        of_contact = b""
        if personal:
            end = at + 1 + personal[at] * _HASH
            of_contact, at = personal[at + 1 : end], end
        yield KeptLeaf(first + place, offset, hashes[place * _HASH : place * _HASH + _HASH], of_contact)
