"""How soon first calls were taken, counted from a night's own records, beside what the ledger says."""

from __future__ import annotations

from typing import Any

import psycopg

from service.objectives import ObjectiveSettings
from sinks.ask.report import Day, handling
from tests.sinks.records import Record
from tests.support.times import START


def check_handling(ledger: psycopg.Connection[Any], days: list[Day], records: list[Record]) -> None:
    """By the night's own records: from a first call's issue to its first claim, else to its first answer."""
    answers = {
        record.value.command_id: record.value.ended_at
        for record in reversed(records)
        if record.topic == "call-results" and record.value.command_id
    }
    calls = [
        record.value
        for record in records
        if record.topic == "calls"
        and (record.value.round, record.value.position, record.value.action) == (1, 1, "CALL")
    ]
    takes = (
        "SELECT subject, min(ledger.milliseconds(received_at)) FROM ledger.claims"
        " WHERE action LIKE 'TAKE%' GROUP BY subject"
    )
    with ledger.cursor() as cursor:
        taken = dict(cursor.execute(takes).fetchall())
    handled = [
        taken.get(call.command_id, answers.get(call.command_id, 1 << 62)) - call.issued_at <= 60_000 for call in calls
    ]
    found = handling(ledger, START, ObjectiveSettings())
    assert {(row.day, row.procedure) for row in found} <= {(day.day, day.procedure) for day in days}
    assert sum(row.within[60] for row in found) == sum(handled)
    assert 0 < sum(row.calls for row in found) <= len(calls)
