"""Remove rows older than so many months: whole partitions, and the incidents that ended before them."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from psycopg.errors import DeadlockDetected, LockNotAvailable

from sinks.database.postgres import Connection, away
from sinks.database.sql import query
from sinks.errors import SinkError

_LOCK_TIMEOUT: Final = "2s"  # every reader of the table waits behind this


class RetentionResult(NamedTuple):
    """The partitions and the number of incidents removed; ``before`` is the first day that stays."""

    before: date
    partitions: list[str]
    incidents: int


def retain(connection: Connection, months: int, today: date) -> RetentionResult:
    """Keep this month and the ``months`` before it. Raises `Away`, and `SinkError` when a table is in use for long.

    Each partition is dropped in a transaction of its own: those dropped before an error stay dropped.
    """
    first = today.year * 12 + today.month - 1 - months
    before = date(first // 12, first % 12 + 1, 1)
    with away():
        # Before the attentions go that say that a site was set aside.
        incidents = connection.execute(query("forget_incidents"), {"before": before}).rowcount
        partitions = [name for (name,) in connection.execute(query("months_before"), (before,)).fetchall()]
        for partition in partitions:
            _drop(connection, partition)
        connection.execute(query("trim_others"), (before,))
        connection.execute(query("forget_refused"), (before,))
    return RetentionResult(before, partitions, incidents)


def _drop(connection: Connection, partition: str) -> None:
    try:
        with connection.transaction():
            connection.execute(query("set_lock_timeout"), (_LOCK_TIMEOUT,))
            connection.execute(query("drop_month"), (partition,))
    except (LockNotAvailable, DeadlockDetected):
        raise SinkError(
            f"{partition} is in use, by a dump for example: remove it and what comes after it once that is over"
        ) from None
