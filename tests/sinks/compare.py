"""The ledger against the records that it was made from: every column of every row, derived again here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from edges.values import Claim, DeskEvent
from streams.escalation.values import Alert, CallResult, Decision, DispatchCommand, DispatchReport, OperatorAction
from tests.sinks.records import Record

TABLES: Final = {
    "alerts": "alerts",
    "call-results": "call_results",
    "dispatch-reports": "dispatch_reports",
    "operator-actions": "operator_actions",
    "calls": "call_commands",
    "dispatches": "dispatch_commands",
    "attention": "attention",
    "decisions": "incident_events",
    "quarantine": "quarantined",
    "signals": "signals",
    "claims": "claims",
    "desk-log": "desk_events",
}
_RECEIVED: Final = (Alert, CallResult, DispatchReport, OperatorAction, Claim, DeskEvent)

Row = dict[str, Any]


def assert_same(connection: psycopg.Connection[Any], records: Iterable[Record]) -> None:
    """Everything in the ledger is what the records say, and nothing else is."""
    records = [record for record in records if record.topic in TABLES or record.topic == "readiness"]
    found, expected = rows_of(connection), rows_from(records)
    for table in expected:
        assert found[table].keys() == expected[table].keys(), table
        for key, row in expected[table].items():
            was = found[table][key]
            assert was.keys() == row.keys(), table
            differences = {name: (was[name], row[name]) for name in row if was[name] != row[name]}
            assert differences == {}, f"{table} {key}: (found, expected) {differences}"


def rows_of(connection: psycopg.Connection[Any]) -> dict[str, dict[Any, Row]]:
    """The ledger's rows by table and by place (incidents and sites: by id), instants in milliseconds."""
    found = {table: _by_place(_select(connection, table)) for table in TABLES.values()}
    found["incidents"] = {row["incident_id"]: row for row in _select(connection, "incidents")}
    found["sites_readiness"] = {row["site_id"]: row for row in _select(connection, "sites_readiness")}
    return found


def rows_from(records: Iterable[Record]) -> dict[str, dict[Any, Row]]:
    """The same, from the records."""
    rows: dict[str, dict[Any, Row]] = {table: {} for table in (*TABLES.values(), "incidents", "sites_readiness")}
    for record in records:
        place = {"kafka_partition": record.partition, "kafka_offset": record.offset}
        if record.topic != "readiness":
            rows[TABLES[record.topic]][record.partition, record.offset] = {**_row(record), **place}
        elif record.value is None:
            rows["sites_readiness"].pop(record.key, None)
        else:
            rows["sites_readiness"][record.key] = {**_listed(record.value._asdict()), **place}
        if record.topic == "decisions" and record.value.incident_id is not None:
            _fold(rows["incidents"], record.value)
    return rows


def _row(record: Record) -> Row:
    value = record.value
    row = _listed(value._asdict())
    if isinstance(value, Decision):
        row |= {f"input_{name}": field for name, field in row.pop("input")._asdict().items()} | counts(value)
    elif isinstance(value, DispatchCommand):
        row["address"] = value.address._asdict() if value.address is not None else None
    elif isinstance(value, _RECEIVED):
        row["received_at"] = record.at
    elif record.topic == "quarantine":
        alert = row.pop("alert")
        row |= {"kind": alert.kind, "raised_at": alert.raised_at}
        row |= {f"input_{name}": field for name, field in row.pop("input")._asdict().items()}
    return row


def counts(decision: Decision) -> dict[str, int]:
    """How many of the records that it emitted are what, by their ids."""
    ids = " ".join(decision.outputs) + " "
    return {
        "calls": len(re.findall(r"-c\d+\.\d+(?:-confirm)? ", ids)),
        "dispatches": len(re.findall(r"-d\d+-r1 ", ids)),
        "requests": len(re.findall(r"-d\d+-r\d+ ", ids)),
        "attentions": len(re.findall(r"-t\d+ ", ids)),
    }


def _fold(incidents: dict[Any, Row], decision: Decision) -> None:
    """An incident, one decision further."""
    done = counts(decision)
    if decision.version == 1:
        incidents[decision.incident_id] = {
            "incident_id": decision.incident_id,
            "site_id": decision.site_id,
            "procedure": "FIRE" if (decision.procedure_version or "").startswith("fire") else "SECURITY",
            "procedure_version": decision.procedure_version,
            "opened_at": decision.at,
            "opened_by": decision.rule,
            **dict.fromkeys(("closed_at", "outcome", "disposition", "first_call_at", "wait_started_at")),
            **dict.fromkeys(("wait_ended_at", "dispatched_at", "handed_over_at", "waited", "open_for")),
            **dict.fromkeys(("alerts", "rounds", *done), 0),
        }
    row = incidents[decision.incident_id]
    row |= {name: getattr(decision, name) for name in ("version", "round", "position", "deadline")}
    row |= {"phase": decision.phase_to, "updated_at": decision.at}
    for name, number in done.items():
        row[name] += number
    row["alerts"] += decision.input.kind == "ALERT"
    row["rounds"] = max(row["rounds"], decision.round or 0)

    def once(name: str, *, when: bool) -> None:
        if when and row[name] is None:
            row[name] = decision.at

    once("first_call_at", when=done["calls"] > 0)
    once("dispatched_at", when=done["requests"] > 0)
    once("handed_over_at", when=decision.phase_to == "HANDED_OVER")
    once("wait_started_at", when=decision.phase_to == "WAITING")
    once("wait_ended_at", when=decision.phase_from == "WAITING" and decision.phase_to != "WAITING")
    if decision.phase_to == "CLOSED":
        row |= {"closed_at": decision.at, "outcome": decision.rule, "disposition": decision.disposition}
        row["open_for"] = decision.at - row["opened_at"]
    if row["wait_ended_at"] is not None:
        row["waited"] = row["wait_ended_at"] - row["wait_started_at"]


def _listed(fields: Row) -> Row:
    return {name: list(value) if type(value) is tuple else value for name, value in fields.items()}


def _select(connection: psycopg.Connection[Any], table: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(SQL("SELECT * FROM ledger.{}").format(Identifier(table))).fetchall()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, timedelta):
        return value // timedelta(milliseconds=1)
    return value


def _by_place(rows: list[Row]) -> dict[Any, Row]:
    placed = {(row["kafka_partition"], row["kafka_offset"]): row for row in rows}
    assert len(placed) == len(rows), "a record has two rows"
    return placed
