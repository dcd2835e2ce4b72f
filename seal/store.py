"""The schema ``seal`` in PostgreSQL: trees, leaves, secrets, heads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple, TypeAlias

import psycopg

from seal.commitments import Leaf, seal
from seal.errors import SealError
from seal.proofs import BLOCK
from seal.tree import Tree, root_of
from service.postgres import SESSION, SET_SESSION, conninfo
from service.postgres_settings import PostgresSettings

Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Log: TypeAlias = tuple[str, int]
_LOCK: Final = 0x5EA1  # of the one process that seals
_SECRETS: Final = 200_000  # kept in memory


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


def connect(settings: PostgresSettings) -> Session:
    """Connect, and make what is missing of the schema. Raises `psycopg.Error`."""
    connection = psycopg.connect(conninfo(settings, "ronde seal"), autocommit=True)
    try:
        connection.execute(SET_SESSION, (list(SESSION), list(SESSION.values())))
        connection.execute("SET client_min_messages = warning")
        connection.execute((files("seal") / "schema.sql").read_text("utf-8"))
    except BaseException:
        connection.close()
        raise
    return connection


class Store:
    """What is kept. Every method may raise `psycopg.Error`."""

    def __init__(self, connection: Session) -> None:
        self._connection = connection
        self._secrets: dict[tuple[str, str], bytes] = {}
        self._new: dict[tuple[str, str], bytes] = {}
        self.erased: dict[tuple[str, str], int] = {
            (site, contact): at for site, contact, at in self._rows("SELECT * FROM seal.erasures")
        }

    def lock(self) -> None:
        """Be the one process that seals. Raises `SealError` where there is another."""
        if not self._rows("SELECT pg_try_advisory_lock(%s)", _LOCK)[0][0]:
            raise SealError("another `ronde seal` writes this schema: one is enough")

    def trees(self) -> dict[Log, TreeState]:
        """Return every tree."""
        rows = self._rows("SELECT topic, partition, size, next_offset FROM seal.trees")
        return {(topic, number): TreeState(size, offset) for topic, number, size, offset in rows}

    def secret(self, site_id: str, contact_id: str, timestamp: int, *, is_new: bool) -> bytes | None:
        """Return a secret, a new one with ``is_new`` where there is none; None: it was destroyed."""
        for erased in ((site_id, ""), (site_id, contact_id), ("", contact_id)):
            if (erased[1] == "" or contact_id) and timestamp <= self.erased.get(erased, -1):
                return None
        name = (site_id, contact_id)
        secret = self._secrets.get(name)
        if secret is None:
            row = self._rows("SELECT secret FROM seal.secrets WHERE site_id = %s AND contact_id = %s", *name)
            if row:
                secret = row[0][0]
            elif is_new:
                secret = self._new[name] = os.urandom(32)
            else:
                return None
            if len(self._secrets) > _SECRETS:
                self._secrets.clear()
            self._secrets[name] = secret
        return secret

    def add(self, log: Log, tree: TreeState, leaves: Sequence[Leaf], next_offset: int) -> TreeState:
        """Append leaves to a tree, in one transaction. Raises `SealError` where another process has."""
        after = TreeState(tree.size + len(leaves), next_offset)
        rows = [(leaf.place.offset, *seal(leaf)) for leaf in leaves]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("INSERT INTO seal.trees (topic, partition) VALUES (%s, %s) ON CONFLICT DO NOTHING", log)
            cursor.execute(
                "UPDATE seal.trees SET size = %s, next_offset = %s WHERE topic = %s AND partition = %s AND size = %s"
                " AND next_offset IN (0, %s)",
                (*after, *log, tree.size, tree.next_offset),
            )
            if cursor.rowcount != 1:
                raise SealError(f"the tree of {log[0]}-{log[1]} has changed beneath this process")
            cursor.executemany(
                "INSERT INTO seal.secrets VALUES (%s, %s, %s)",
                [(*name, secret) for name, secret in self._new.items()],
            )
            with cursor.copy("COPY seal.leaves (topic, partition, n, kafka_offset, hash, personal) FROM STDIN") as copy:
                for number, row in enumerate(rows, start=tree.size):
                    copy.write_row((*log, number, *row))
            self._add_nodes(cursor, log, tree.size, after.size)
        self._new.clear()
        return after

    def _add_nodes(self, cursor: Any, log: Log, before: int, after: int) -> None:
        for block in range(before // BLOCK, after // BLOCK):
            node = root_of(self.leaves(log, block * BLOCK, (block + 1) * BLOCK))
            cursor.execute("INSERT INTO seal.nodes VALUES (%s, %s, %s, %s)", (*log, block, node))

    def leaves(self, log: Log, begin: int, end: int) -> list[bytes]:
        """Return hashes of leaves."""
        rows = self._rows(
            "SELECT hash FROM seal.leaves WHERE topic = %s AND partition = %s AND n >= %s AND n < %s ORDER BY n",
            *log, begin, end,
        )  # fmt: skip
        return [row[0] for row in rows]

    def tree(self, log: Log) -> Tree:
        """Return a tree that proves."""

        def nodes(begin: int, end: int) -> list[bytes]:
            rows = self._rows(
                "SELECT hash FROM seal.nodes WHERE topic = %s AND partition = %s AND block >= %s AND block < %s"
                " ORDER BY block",
                *log, begin, end,
            )  # fmt: skip
            return [row[0] for row in rows]

        return Tree(lambda begin, end: self.leaves(log, begin, end), nodes)

    def kept(self, log: Log, offset: int) -> tuple[int, bytes, bytes | None] | None:
        """Return the place, the hash and the personal commitments of a record's leaf; None: it is not sealed."""
        rows = self._rows(
            "SELECT n, hash, personal FROM seal.leaves WHERE topic = %s AND partition = %s AND kafka_offset = %s",
            *log, offset,
        )  # fmt: skip
        return rows[0] if rows else None

    def heads(self, since: int = 0) -> list[Head]:
        """Return the heads from a number on."""
        rows = self._rows(
            "SELECT number, made_at, body, digest, signature, stamp FROM seal.heads WHERE number >= %s ORDER BY number",
            since,
        )
        return [Head(*row) for row in rows]

    def last_head(self) -> Head | None:
        """Return the last head."""
        rows = self._rows(
            "SELECT number, made_at, body, digest, signature, stamp FROM seal.heads ORDER BY number DESC LIMIT 1"
        )
        return Head(*rows[0]) if rows else None

    def keep_head(self, head: Head) -> None:
        """Keep a head."""
        self._connection.execute("INSERT INTO seal.heads VALUES (%s, %s, %s, %s, %s, %s)", head)

    def erase(self, site_id: str, contact_id: str, erased_at: int) -> None:
        """Destroy the secrets of a site or a contact; an empty id is any."""
        if erased_at <= self.erased.get((site_id, contact_id), -1):
            return
        with self._connection.transaction():
            self._connection.execute(
                "DELETE FROM seal.secrets WHERE (site_id = %(site)s OR %(site)s = '')"
                " AND (contact_id = %(contact)s OR %(contact)s = '')",
                {"site": site_id, "contact": contact_id},
            )
            self._connection.execute(
                "INSERT INTO seal.erasures VALUES (%s, %s, %s) ON CONFLICT (site_id, contact_id)"
                " DO UPDATE SET erased_at = excluded.erased_at",
                (site_id, contact_id, erased_at),
            )
        self._secrets.clear()
        self.erased[site_id, contact_id] = erased_at

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()


def body_of(number: int, at: str, key: str, previous: str, trees: Iterable[tuple[str, int, int, int, str]]) -> str:
    """Return the text of a head: topic, partition, size, end offset and root of each tree, and the head before it.

    ``key`` is the public key that it is signed by.
    """
    body = {"number": number, "at": at, "key": key, "previous": previous, "trees": sorted(trees)}
    return json.dumps(body, separators=(",", ":"))
