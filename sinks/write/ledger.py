"""Writes chunks into the ledger: rows and positions in one transaction (architecture: ledger).

Nothing is written twice and nothing is left out, whichever process dies: the positions of Kafka move in the
transaction that writes the rows, and only from where this sink left them. A sink whose partition was claimed by
another one moves nothing, and so writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable

from service.logs import logger
from service.postgres import reason
from sinks import faults
from sinks.database.feed_sql import create_staging, put
from sinks.database.postgres import Connection, away, is_conflict, is_refusal
from sinks.database.sql import composed, query
from sinks.errors import Fenced, SinkError
from sinks.rows.chunk import LedgerChunk, Log, Piece, RefusedRecord, refused
from sinks.rows.copy_text import copy_text
from sinks.rows.feeds import Feed

_log = logger(__name__)

Way: TypeAlias = Literal["new", "known", "by halves"]

_ATTEMPTS: Final = 5  # at a transaction that PostgreSQL undid for the locks of another
_MONTHS_LOCK_TIMEOUT: Final = "5s"  # another sink makes them
_MONTH_LOCK_TIMEOUT: Final = "500ms"  # readers of the table then wait behind us
_MONTHS_AGAIN_SECONDS: Final = 10.0
_NO_IDS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_FIRSTS: Final[Mapping[Log, int]] = MappingProxyType({})
_NUL: Final = "22021"  # PostgreSQL's own SQLSTATE of a NUL in a text (character_not_in_repertoire)


class Claim(NamedTuple):
    """A partition that this sink holds: the next offset of the ledger, and the epoch that fences its writes."""

    next_offset: int
    epoch: int


class WriteResult(NamedTuple):
    """The rows that a transaction wrote, by topic, and the records it refused."""

    rows: dict[str, int]
    refused: list[RefusedRecord]


class Ledger:
    """Writes on one connection. Every method raises `Away` when PostgreSQL is away."""

    def __init__(self, connection: Connection, owner: str) -> None:
        self._connection = connection
        self._owner = owner
        self._claims: dict[Log, Claim] = {}
        self._months: set[date] = set()
        self._months_from = 0.0  # no attempt before
        with away():
            connection.execute(create_staging())

    def claim(
        self, logs: Iterable[Log], ids: Mapping[str, str] = _NO_IDS, firsts: Mapping[Log, int] = _NO_FIRSTS
    ) -> dict[Log, int]:
        """Take partitions over, all or none; return the next offset of each. ``ids``: of the topics that have one.

        ``firsts``: where the logs begin, as far as that is known: what is before is not missed by a new ledger.
        Raises `SinkError` when a topic is not the one that the ledger was made from.
        """
        claimed = sorted(logs)
        parameters = {
            "owner": self._owner,
            "topics": [topic for topic, _ in claimed],
            "partitions": [partition for _, partition in claimed],
            "ids": [ids.get(topic) for topic, _ in claimed],
            "firsts": [firsts.get(log) for log in claimed],
        }
        with away(), self._connection.transaction():
            rows = self._connection.execute(query("claim"), parameters).fetchall()
            claims = {(topic, number): Claim(next_offset, epoch) for topic, number, next_offset, epoch in rows}
            if others := sorted({log[0] for log in claimed if log not in claims}):
                raise SinkError(
                    f"{', '.join(others)}: not the topic that this ledger was made from, but one that was created "
                    "since under the same name. Give the new topics a database of their own (postgres.database)"
                )
        self._claims |= claims
        faults.at("after_claim")
        return {log: claim.next_offset for log, claim in claims.items()}

    def release(self, logs: Iterable[Log]) -> None:
        """Give partitions up: nothing more is written for them."""
        for log in logs:
            self._claims.pop(log, None)

    def move_on(self, reached: Mapping[Log, int]) -> None:
        """Move positions past offsets that have no record for the ledger. Raises `Fenced` as `write`."""
        ahead = {log: offset for log, offset in reached.items() if offset > self._claims[log].next_offset}
        if not ahead:
            return
        with away(), self._connection.transaction():
            self._advance(ahead)
        self._note(ahead)

    def write(self, chunk: LedgerChunk) -> WriteResult:
        """Write a chunk whole. Raises `Fenced`, with nothing written, when another sink has a partition of it."""
        self.add_months(chunk.months())
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                return self._write(chunk)
            except psycopg.Error as error:
                if not is_conflict(error) or not attempts_left:
                    with away():
                        raise
        raise AssertionError("the last attempt returns or raises")

    def _write(self, chunk: LedgerChunk) -> WriteResult:
        """Try the quickest way first: as a rule no row is in the ledger, and its keys refuse one that is."""
        ways: tuple[Way, ...] = ("new", "known")
        for way in ways:
            try:
                return self._transact(chunk, way)
            except psycopg.Error as error:
                if not is_refusal(error):
                    raise
        return self._transact(chunk, "by halves")

    def _transact(self, chunk: LedgerChunk, way: Way) -> WriteResult:
        """Write all of a chunk in one transaction.

        "new": no row is in the ledger; one that is makes PostgreSQL refuse the transaction. "known": rows that are in
        the ledger stay. "by halves": finds the rows that the database refuses, and goes on.

        Rows are copied before a lock is taken: PostgreSQL waits for the rest of a COPY without end, and a sink that was
        stopped amid one would block the sink that took over. In any other place it ends the transaction soon.
        """
        not_taken = list(chunk.refused)
        with self._connection.transaction():
            if way != "by halves":
                for feed, piece in chunk.in_order():
                    self._copy(feed, piece)
            self._connection.execute(query("begin"))
            faults.at("after_begin")
            for feed, piece in chunk.in_order():
                if way == "by halves":
                    not_taken += self._put_by_halves(feed, piece)
                else:
                    self._put(put(feed, is_new=way == "new"))
            self._refuse(not_taken)
            faults.at("after_refused")
            self._advance(chunk.next_offsets)
            faults.at("after_positions")
        faults.at("after_commit")
        self._note(chunk.next_offsets)
        rows = {feed.topic: len(piece.rows) for feed, piece in chunk.pieces.items()}
        for record in not_taken[len(chunk.refused) :]:  # of the rows
            rows[record.topic] -= 1
        return WriteResult(rows, not_taken)

    def _copy(self, feed: Feed, piece: Piece) -> None:
        with self._connection.cursor() as cursor, cursor.copy(composed("copy", feed.staging)) as copy:
            copy.write(copy_text(piece.rows) if piece.text is None else piece.text)
        faults.at("after_copy")

    def _put(self, statements: str) -> None:
        self._connection.execute(statements)
        faults.at("after_put")

    def _put_by_halves(self, feed: Feed, piece: Piece) -> list[RefusedRecord]:
        """Put the rows that the database takes, in order; return the records that it refuses."""
        try:
            with self._connection.transaction():  # a savepoint
                statement = composed("insert", feed.staging, len(piece.rows[0]))
                for row in piece.rows:
                    self._connection.execute(statement, row)
                self._put(put(feed))
                self._connection.execute(composed("empty", feed.staging))
        except psycopg.Error as error:
            if not is_refusal(error):
                raise
            if len(piece.rows) == 1:
                return [refused(feed, piece.messages[0], _refusal(error))]
        else:
            return []
        middle = len(piece.rows) // 2
        first = Piece(piece.rows[:middle], piece.messages[:middle])
        second = Piece(piece.rows[middle:], piece.messages[middle:])
        return self._put_by_halves(feed, first) + self._put_by_halves(feed, second)

    def _refuse(self, records: Sequence[RefusedRecord]) -> None:
        for record in records:  # singly: amid an executemany too, PostgreSQL waits without end
            self._connection.execute(query("refuse"), record)

    def _advance(self, next_offsets: Mapping[Log, int]) -> None:
        """Move the positions, or raise `Fenced`."""
        logs = list(next_offsets)
        if not self._claims.keys() >= set(logs):
            raise Fenced
        moved = self._connection.execute(
            query("advance"),
            {
                "topics": [topic for topic, _ in logs],
                "partitions": [partition for _, partition in logs],
                "epochs": [self._claims[log].epoch for log in logs],
                "expected": [self._claims[log].next_offset for log in logs],
                "next": list(next_offsets.values()),
            },
        ).rowcount
        if moved != len(logs):
            raise Fenced

    def _note(self, next_offsets: Mapping[Log, int]) -> None:
        """Note what `_advance` moved, once it is committed."""
        for log, next_offset in next_offsets.items():
            self._claims[log] = self._claims[log]._replace(next_offset=next_offset)

    def add_months(self, months: set[date]) -> None:
        """Make the partitions of months not seen before.

        While a long reader, such as a dump, holds a table, its rows go to the partition for other times, and move when
        the month can be made. So no sink waits for a month, and no reader behind one for more than a moment.
        """
        missing = sorted(months - self._months)
        if not missing or time.monotonic() < self._months_from:
            return
        with away():
            for month in missing:
                for (table,) in self._connection.execute(query("without_month"), (month,)).fetchall():
                    if not self._add_month(table, month):
                        self._months_from = time.monotonic() + _MONTHS_AGAIN_SECONDS
                        return
                self._months.add(month)
                faults.at("after_month")

    def _add_month(self, table: str, month: date) -> bool:
        """Make a month of a table, in a transaction of its own; False when the table is in use."""
        try:
            with self._connection.transaction():
                self._connection.execute(query("set_lock_timeout"), (_MONTHS_LOCK_TIMEOUT,))
                self._connection.execute(query("lock_months"))
                self._connection.execute(query("set_lock_timeout"), (_MONTH_LOCK_TIMEOUT,))
                self._connection.execute(query("add_month"), (table, month))
        except (LockNotAvailable, DeadlockDetected):
            _log.warning("a month is made later: its table is in use", table=table, month=month.isoformat())
            return False
        return True


def _refusal(error: psycopg.Error) -> str:
    """Why a row is refused: SQLSTATE and words. Of all values of rows, psycopg itself refuses only a NUL in a text."""
    return reason(error) if error.sqlstate else f"{_NUL} {reason(error)}"
