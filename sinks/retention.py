"""Removes what is older than so many months: whole partitions, and the incidents that were closed before."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sinks.postgres import Connection, away
from sinks.sql import query


class Removed(NamedTuple):
    """What was removed; ``before`` is the first day that stays."""

    before: date
    partitions: list[str]
    incidents: int


def retain(connection: Connection, months: int, today: date) -> Removed:
    """Keep this month and the ``months`` before it. Raises `Away`.

    Each partition goes in a transaction of its own; what was removed when something fails stays removed.
    """
    first = today.year * 12 + today.month - 1 - months
    before = date(first // 12, first % 12 + 1, 1)
    with away():
        found = connection.execute(query("months_before"), (before,)).fetchall()
        partitions = [name for (name,) in found]
        for partition in partitions:
            connection.execute(query("drop_month"), (partition,))
        connection.execute(query("trim_others"), (before,))
        incidents = connection.execute(query("forget_incidents"), (before,)).rowcount
        connection.execute(query("forget_refused"), (before,))
    return Removed(before, partitions, incidents)
