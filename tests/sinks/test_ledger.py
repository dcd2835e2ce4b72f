"""Writing to the ledger: exact with records that come twice, out of order or from a sink of the past."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from confluent_kafka import Message

from schemas import encode
from sinks.database.migrate import migrate
from sinks.errors import Fenced
from sinks.rows.chunk import RefusedRecord
from sinks.rows.feeds import Row
from sinks.write.ledger import Ledger
from tests.sinks.compare import assert_same, rows_of
from tests.sinks.edge_records import beside
from tests.sinks.records import Record, neighbourhoods
from tests.sinks.writing import FED, chunk, message, messages, write


@pytest.fixture
def made(ledger: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A ledger with its tables, and nothing in them."""
    migrate(ledger)
    return ledger


@pytest.fixture(scope="module")
def records() -> list[Record]:
    records = neighbourhoods(partitions=2, sites=30, minutes=12 * 60)
    return [*records, *beside(records)]


def test_rows_are_what_the_records_say(made: psycopg.Connection[Any], records: list[Record]) -> None:
    assert write(made, messages(records)) == []
    assert_same(made, records)


def test_any_order_of_the_topics_gives_the_same_rows(made: psycopg.Connection[Any], records: list[Record]) -> None:
    """As after a rebuild: a result before its call, a command before its decision."""
    write(made, messages(sorted(records, key=lambda record: record.topic)))
    assert_same(made, records)
    alphabetical = rows_of(made)
    made.execute("DROP SCHEMA ledger CASCADE")
    migrate(made)
    write(made, messages(sorted(records, key=lambda record: record.topic, reverse=True)))
    assert rows_of(made) == alphabetical


def test_a_call_has_its_first_result_whichever_came_first(made: psycopg.Connection[Any], records: list[Record]) -> None:
    write(made, messages(record for record in records if record.topic == "call-results"))
    write(made, messages(record for record in records if record.topic == "calls"))
    answered = {
        record.value.command_id: (record.value.result_id, record.value.outcome)
        for record in reversed(records)
        if record.topic == "call-results"
    }
    found = made.execute("SELECT command_id, result_id, outcome FROM ledger.calls").fetchall()
    assert {command: rest for command, *rest in found} == {
        record.value.command_id: list(answered.get(record.value.command_id, (None, None)))
        for record in records
        if record.topic == "calls" and record.value.action != "CANCEL"
    }


def test_a_dispatch_has_its_reports(made: psycopg.Connection[Any], records: list[Record]) -> None:
    write(made, messages(records))
    accepted = {}
    for record in reversed(records):
        if record.topic == "dispatch-reports" and record.value.status in {"ACCEPTED", "EN_ROUTE", "ON_SITE"}:
            accepted[record.value.dispatch_id] = record.at
    requests = [r.value for r in records if r.topic == "dispatches" and r.value.action == "REQUEST"]
    asked = {request.dispatch_id: request.issued_at for request in requests if request.attempt == 1}
    found = made.execute(
        "SELECT dispatch_id, ledger.milliseconds(requested_at), ledger.milliseconds(accepted_at), requests"
        " FROM ledger.dispatches"
    ).fetchall()
    assert {dispatch: (at, by) for dispatch, at, by, _ in found} == {
        dispatch: (at, accepted.get(dispatch)) for dispatch, at in asked.items()
    }
    assert sum(number for *_, number in found) == len(requests)


def test_what_comes_again_changes_nothing(made: psycopg.Connection[Any], records: list[Record]) -> None:
    """As when somebody sets the positions back."""
    write(made, messages(records))
    before = rows_of(made)
    made.execute("UPDATE ledger.positions SET next_offset = 0")
    write(made, messages(records))
    assert rows_of(made) == before
    made.execute("UPDATE ledger.positions SET next_offset = 0")
    write(made, messages(records[len(records) // 2 :]))
    assert rows_of(made) == before


def test_a_procedure_of_another_name_is_told_by_the_commands(
    made: psycopg.Connection[Any], records: list[Record]
) -> None:
    renamed = [
        record._replace(value=record.value._replace(procedure_version=f"night {record.value.procedure_version}"))
        if record.topic == "decisions" and record.value.incident_id
        else record
        for record in records
    ]
    expected = {incident: row["procedure"] for incident, row in _incidents(made, records).items()}
    for order in (False, True):
        made.execute("TRUNCATE ledger.positions, ledger.incidents, ledger.incident_events, ledger.call_commands")
        made.execute("TRUNCATE ledger.dispatch_commands, ledger.attention")
        write(made, messages(sorted(renamed, key=lambda record: record.topic, reverse=order)))
        found = made.execute("SELECT incident_id, procedure FROM ledger.incidents").fetchall()
        assert dict(found) == expected


def _incidents(connection: psycopg.Connection[Any], records: list[Record]) -> dict[Any, Any]:
    write(connection, messages(records))
    return rows_of(connection)["incidents"]


# --- refused --------------------------------------------------------------------------------------


def unusual(record: Record, **fields: Any) -> Message:
    """The record with other fields, as bytes that no worker would write."""
    value = {**record.value._asdict(), **fields}
    return message(record, encode({"alerts": "Alert", "call-results": "CallResult"}[record.topic], value))


def test_rows_that_the_database_refuses_are_put_away_and_the_rest_goes_in(
    made: psycopg.Connection[Any], records: list[Record]
) -> None:
    alerts = [record for record in records if record.topic == "alerts"]
    results = [record for record in records if record.topic == "call-results"]
    parted = next(record for record in records if record.topic == "quarantine")
    odd = {
        alerts[0]: unusual(alerts[0], zone="ha\x00ll"),
        alerts[1]: unusual(alerts[1], raised_at=2**60),
        alerts[-1]: unusual(alerts[-1], detail="\x00"),
        results[0]: unusual(results[0], ended_at=-(2**62)),
        parted: message(parted, b"\xc3\x01 no such value"),
    }
    given = [odd[record] if record in odd else next(messages([record])) for record in records if record.topic in FED]
    refused = write(made, given)

    found = made.execute(
        "SELECT topic, kafka_partition, kafka_offset, key, value, reason FROM ledger.refused"
    ).fetchall()
    assert {tuple(row[:5]) for row in found} == {
        (record.topic, record.partition, record.offset, record.key.encode(), bad.value()) for record, bad in odd.items()
    }
    reasons = {tuple(row[:3]): row[5] for row in found}
    assert re.match("22021 .*NUL", reasons[alerts[0][:3]])
    assert reasons[alerts[-1][:3]].startswith("22021 ")
    assert reasons[alerts[1][:3]].startswith("22008 ")
    assert reasons[parted[:3]].startswith("UNDECODABLE ")
    assert {tuple(one[:3]) for one in refused} == reasons.keys()
    assert all(one.reason == reasons[tuple(one[:3])] for one in refused if isinstance(one, RefusedRecord))

    assert_same(made, [record for record in records if record not in odd])
    ends = made.execute("SELECT sum(next_offset) FROM ledger.positions").fetchone()
    assert ends == (len(given),)


def test_a_time_outside_of_all_months_has_a_place_too(made: psycopg.Connection[Any], records: list[Record]) -> None:
    old = [record._replace(at=1000) for record in records if record.topic == "alerts"]
    assert write(made, messages(old)) == []
    assert made.execute("SELECT count(*) FROM ledger.alerts_other").fetchone() == (len(old),)


# --- fencing --------------------------------------------------------------------------------------


def test_a_sink_whose_partition_was_claimed_writes_nothing_more(
    made: psycopg.Connection[Any], records: list[Record]
) -> None:
    log = ("ronde.decisions", 0)
    decisions = [r for r in records if r.topic == "decisions" and r.partition == 0]
    with psycopg.connect(made.info.dsn, autocommit=True) as other:
        first, second = Ledger(made, "first"), Ledger(other, "second")
        assert first.claim([log]) == {log: 0}
        first.write(chunk(messages(decisions[:10])))
        assert second.claim([log]) == {log: 10}
        with pytest.raises(Fenced):
            first.write(chunk(messages(decisions[10:20])))
        assert_same(made, decisions[:10])
        second.write(chunk(messages(decisions[10:30])))
        with pytest.raises(Fenced):
            first.write(chunk(messages(decisions[30:])))
        assert first.claim([log]) == {log: 30}
        first.write(chunk(messages(decisions[30:])))
        assert_same(made, decisions)
        owner = made.execute("SELECT owner, epoch FROM ledger.positions").fetchall()
        assert owner == [("first", 3)]


def test_a_claim_waits_for_the_transaction_under_way_and_goes_on_after_it(
    made: psycopg.Connection[Any], records: list[Record]
) -> None:
    log = ("ronde.decisions", 0)
    decisions = [r for r in records if r.topic == "decisions" and r.partition == 0]
    with (
        psycopg.connect(made.info.dsn, autocommit=True) as other,
        psycopg.connect(made.info.dsn, autocommit=True) as gate,
    ):
        first, second = Ledger(made, "first"), Ledger(other, "second")
        first.claim([log])
        with gate.transaction():
            gate.execute("LOCK TABLE ledger.refused IN ACCESS EXCLUSIVE MODE")  # where the first comes late
            held = chunk([*messages(decisions[:10]), message(decisions[10], b"no value")])
            writing = threading.Thread(target=first.write, args=(held,))
            writing.start()
            while not gate.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                pass
        writing.join()
        assert second.claim([log]) == {log: 11}


def test_a_sink_that_was_stopped_amid_a_copy_holds_nobody_up(
    made: psycopg.Connection[Any], records: list[Record]
) -> None:
    """PostgreSQL waits for the rest of a COPY without end: nothing may be locked by then."""
    given = [record for record in records if record.topic in FED and record.partition == 0]
    logs = {(f"ronde.{topic}", 0) for topic in FED}
    stopped, go = threading.Event(), threading.Event()

    class Rows(list[Row]):
        def __iter__(self) -> Iterator[Row]:
            yield from self[: len(self) // 2]
            stopped.set()
            assert go.wait(60)
            yield from self[len(self) // 2 :]

    with psycopg.connect(made.info.dsn, autocommit=True) as other, ThreadPoolExecutor(1) as thread:
        first, second = Ledger(made, "first"), Ledger(other, "second")
        first.claim(logs)
        held = chunk(messages(given))
        last = held.in_order()[-1][1]
        last.rows = Rows(last.rows)
        writing = thread.submit(first.write, held)
        try:
            assert stopped.wait(60)
            other.execute("SET lock_timeout = '5s'")
            second.claim(logs)
            second.write(chunk(messages(given)))
        finally:
            go.set()
        with pytest.raises(Fenced):
            writing.result()
    assert_same(made, given)


def test_a_release_is_the_end_of_writing(made: psycopg.Connection[Any], records: list[Record]) -> None:
    log = ("ronde.alerts", 0)
    alerts = [r for r in records if r.topic == "alerts" and r.partition == 0]
    sink = Ledger(made, "first")
    sink.claim([log])
    sink.release([log])
    with pytest.raises(Fenced):
        sink.write(chunk(messages(alerts)))
    assert made.execute("SELECT count(*) FROM ledger.alerts").fetchone() == (0,)


def test_transactions_that_locks_undo_are_made_again(made: psycopg.Connection[Any], records: list[Record]) -> None:
    """Two that wait for each other: PostgreSQL undoes one of them, and it is begun again."""
    alerts = [r for r in records if r.topic == "alerts" and r.partition == 0]
    made.execute(
        "CREATE FUNCTION ledger.stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('ledger.stumbles') < 3 THEN RAISE EXCEPTION USING ERRCODE = '40P01'; END IF; RETURN NULL; END $$"
    )
    made.execute("CREATE SEQUENCE ledger.stumbles")
    made.execute("CREATE TRIGGER stumble AFTER INSERT ON ledger.alerts EXECUTE FUNCTION ledger.stumble()")
    assert write(made, messages(alerts)) == []
    assert_same(made, alerts)
