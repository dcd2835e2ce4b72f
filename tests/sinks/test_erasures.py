"""Erasing: personal data goes, timelines stay, and nothing of it comes back, not even after a rebuild."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from ronde.views.incident.json_form import of_timeline
from sinks.ask.timeline import timeline
from sinks.database.migrate import migrate
from sinks.errors import Away
from sinks.forget.erasures import Erasure, ErasureLog, carry_out, create_topic, parse
from sinks.rows.feeds import FEEDS
from sinks.settings import Configuration
from sinks.write.ledger import Ledger
from tests.conftest import Run, SettingsFile
from tests.sinks.bench import is_whole
from tests.sinks.compare import assert_same, rows_of
from tests.sinks.conftest import Sink
from tests.sinks.night import PARTITION, PERSONAL, night
from tests.sinks.records import Record, neighbourhoods
from tests.sinks.writing import chunk, message, messages, write
from tests.support.times import START
from tests.support.waiting import eventually

LATER: Final = datetime.fromtimestamp(START / 1000, UTC) + timedelta(days=1)
OF_ANN: Final = {"+33639980001", "Ann Martin"}
# Kafka has all records of the night; by the clock of the machine that erases, none of them was written yet.
ENDS: Final = {feed.topic: [1000] * (PARTITION + 1) for feed in FEEDS}
ALL: Final = {"up to a time": (LATER, {}), "up to the ends": (LATER - timedelta(days=2), ENDS)}


@pytest.fixture
def made(ledger: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A ledger with its tables, and nothing in them."""
    migrate(ledger)
    return ledger


def everything(ledger: psycopg.Connection[Any]) -> str:
    """All rows of all tables, as text."""
    return repr(rows_of(ledger)) + repr(ledger.execute("SELECT * FROM ledger.refused").fetchall())


def bare(ledger: psycopg.Connection[Any]) -> list[Any]:
    """Every incident's timeline without what is personal."""
    ids = [incident for (incident,) in ledger.execute("SELECT incident_id FROM ledger.incidents").fetchall()]
    seen = [timeline(ledger, incident, personal=False) for incident in ids]
    return [of_timeline(shown) for shown in seen if shown is not None]


@pytest.mark.parametrize("reach", ALL)
@pytest.mark.parametrize("before", [True, False], ids=["erased first", "erased after"])
def test_a_contact_is_forgotten_and_the_others_are_not(made: psycopg.Connection[Any], before: bool, reach: str) -> None:
    erasure = Erasure("", "ann", *ALL[reach])
    if before:
        assert carry_out(made, erasure) == 0
    write(made, messages(night()))
    if not before:
        assert "Ann Martin" in everything(made)
        assert carry_out(made, erasure) == 4, "two calls, two results"
    assert carry_out(made, erasure) is None, "done once"
    text = everything(made)
    assert not any(words in text for words in OF_ANN)
    assert "Bob Martin" in text
    assert "'detail': 'her mobile'" in text, "Bob's"
    assert made.execute(
        "SELECT count(*) FROM ledger.calls WHERE contact_id = 'ann' AND detail IS NOT NULL"
    ).fetchone() == (0,)
    assert made.execute("SELECT count(*) FROM ledger.calls WHERE contact_id = 'bob' AND phone IS NULL").fetchone() == (
        0,
    )


@pytest.mark.parametrize("reach", ALL)
@pytest.mark.parametrize("topic_order", [False, True], ids=["results first", "calls first"])
def test_a_result_is_forgotten_whether_it_came_before_its_call_or_after(
    made: psycopg.Connection[Any], topic_order: bool, reach: str
) -> None:
    """It does not name the contact; its call does."""
    carry_out(made, Erasure("", "ann", *ALL[reach]))
    by_topic = sorted(night(), key=lambda record: record.topic, reverse=topic_order)
    write(made, messages(by_topic))
    details = made.execute("SELECT contact_id, detail FROM ledger.calls WHERE result_id IS NOT NULL").fetchall()
    assert sorted(details) == [("ann", None), ("ann", None), ("bob", "her mobile")]


@pytest.mark.parametrize("calls_first", [False, True], ids=["results first", "calls first"])
@pytest.mark.parametrize("before", [True, False], ids=["erased first", "erased after"])
def test_a_result_that_names_somebody_else_than_its_call_is_forgotten_with_either(
    made: psycopg.Connection[Any], before: bool, calls_first: bool
) -> None:
    """As an erasure empties it in a ledger that has it, so in one that is behind, or made again from the topics."""
    calls = [record for record in night() if record.topic == "calls"]
    results = [record for record in night() if record.topic == "call-results"]
    results = [record._replace(value=record.value._replace(contact_id="carl")) for record in results]
    if before:
        carry_out(made, Erasure("", "ann", LATER))
    for given in (calls, results) if calls_first else (results, calls):
        write(made, messages(given))
    if not before:
        carry_out(made, Erasure("", "ann", LATER))
    details = made.execute("SELECT call_contact.contact_id, result.detail FROM ledger.call_results AS result"
                           " JOIN ledger.call_commands AS call_contact USING (command_id)").fetchall()  # fmt: skip
    assert sorted(details) == [("ann", None), ("ann", None), ("bob", "her mobile")]
    carry_out(made, Erasure("", "carl", LATER))
    assert made.execute("SELECT count(*) FROM ledger.call_results WHERE detail IS NOT NULL").fetchone() == (0,)


@pytest.mark.parametrize("topic_order", [False, True], ids=["results first", "calls first"])
def test_a_result_of_after_the_erasure_stays_whatever_its_call_was(
    made: psycopg.Connection[Any], topic_order: bool
) -> None:
    results = sorted(record.at for record in night() if record.topic == "call-results")
    between = datetime.fromtimestamp((results[0] - 1) / 1000, UTC)  # after the first call, before its result
    carry_out(made, Erasure("", "ann", between))
    write(made, messages(sorted(night(), key=lambda record: record.topic, reverse=topic_order)))
    assert made.execute("SELECT count(*) FROM ledger.call_results WHERE detail IS NULL").fetchone() == (0,)
    phones = made.execute("SELECT round, phone IS NULL FROM ledger.calls WHERE contact_id = 'ann'").fetchall()
    assert sorted(phones) == [(1, True), (2, False)]


def test_the_command_says_when_there_is_nothing_of_that_name(
    run: Run, sink_file: SettingsFile, made: psycopg.Connection[Any]
) -> None:
    assert "is it the right one?" in run("ledger", "erase", "--contact", "anm", "--settings", sink_file()).out
    write(made, messages(night()))
    seen = run("ledger", "erase", "--contact", "ann", "--settings", sink_file()).out
    assert seen == "erased: 4 records held something personal\n"


@pytest.mark.parametrize("reach", ALL)
@pytest.mark.parametrize("before", [True, False], ids=["erased first", "erased after"])
def test_a_site_is_forgotten_and_its_timeline_stays(made: psycopg.Connection[Any], before: bool, reach: str) -> None:
    write(made, messages(night()))
    seen = bare(made)
    if before:
        made.execute("DROP SCHEMA ledger CASCADE")
        migrate(made)
        carry_out(made, Erasure("S1", "", *ALL[reach]))
        write(made, messages(night()))
    else:
        carry_out(made, Erasure("S1", "", *ALL[reach]))
    assert not [words for words in PERSONAL if words in everything(made)]
    assert bare(made) == seen


@pytest.mark.parametrize("reach", ALL)
def test_a_site_is_forgotten_in_every_column_that_a_feed_calls_personal(
    made: psycopg.Connection[Any], reach: str
) -> None:
    """The statement that erases is in a migration, the column's name in the feed."""
    write(made, messages(night()))
    for feed in FEEDS:
        for column in feed.personal:
            table = SQL("ledger.{}").format(Identifier(feed.table))
            kind = next(each.kind for each in feed.columns if each.name == column)
            text = {"jsonb": "{}", "bytes": "\\x00"}.get(kind, "Martin")
            made.execute(SQL("UPDATE {} SET {} = %s").format(table, Identifier(column)), (text,))
    carry_out(made, Erasure("S1", "", *ALL[reach]))
    for feed in FEEDS:
        for column in feed.personal:
            left = SQL("SELECT count(*) FROM ledger.{} WHERE {} IS NOT NULL").format(
                Identifier(feed.table), Identifier(column)
            )
            assert made.execute(left).fetchone() == (0,), f"{feed.table}.{column}"


def test_a_contact_of_one_site_keeps_what_it_is_elsewhere(made: psycopg.Connection[Any]) -> None:
    records = neighbourhoods(partitions=1, sites=20, minutes=60)
    same = [r._replace(value=r.value._replace(contact_id="c")) if r.topic == "calls" else r for r in records]
    write(made, messages(same))
    site = next(record.value.site_id for record in same if record.topic == "calls")
    carry_out(made, Erasure(site, "c", LATER))
    left = made.execute("SELECT DISTINCT site_id = %s, phone IS NULL FROM ledger.call_commands", (site,)).fetchall()
    assert sorted(left) == [(False, False), (True, True)]


def test_what_comes_after_the_erasure_is_kept(made: psycopg.Connection[Any]) -> None:
    """A customer who comes back is a customer."""
    write(made, messages(night()))
    carry_out(made, Erasure("S1", "", LATER - timedelta(days=2)))
    assert_same(made, night())


@pytest.mark.parametrize("before", [True, False], ids=["erased first", "erased after"])
def test_what_comes_behind_the_ends_is_kept(made: psycopg.Connection[Any], before: bool) -> None:
    calls = [record for record in night() if record.topic == "calls"]
    partition, between = calls[1].partition, calls[1].offset
    ends = {**ENDS, "calls": [*[1000] * partition, between]}
    erasure = Erasure("S1", "", LATER - timedelta(days=2), ends)
    if before:
        carry_out(made, erasure)
    write(made, messages(night()))
    carry_out(made, erasure)
    kept = made.execute("SELECT kafka_offset >= %s, phone IS NOT NULL FROM ledger.call_commands", (between,)).fetchall()
    assert set(kept) == {(True, True), (False, False)}
    assert made.execute("SELECT count(*) FROM ledger.call_results WHERE detail IS NOT NULL").fetchone() == (0,)


def test_an_erasure_that_an_older_sink_carried_out_reaches_up_to_its_ends_all_the_same(
    made: psycopg.Connection[Any],
) -> None:
    write(made, messages(night()))
    early, ends = ALL["up to the ends"]
    made.execute("SELECT ledger.erase('S1', '', %s)", (early,))
    assert "Ann Martin" in everything(made)
    assert carry_out(made, Erasure("S1", "", early, ends))
    assert "Ann Martin" not in everything(made)
    assert carry_out(made, Erasure("S1", "", early, ends)) is None, "done once"


@pytest.mark.parametrize("reach", ALL)
def test_what_was_refused_is_forgotten_too(made: psycopg.Connection[Any], reach: str) -> None:
    alerts = [record for record in night() if record.topic == "alerts"]
    bad = [message(record, b"no alert, but it says a window of ann") for record in alerts]
    write(made, bad)
    assert "a window" in everything(made)
    carry_out(made, Erasure("", "bob", *ALL[reach]))
    assert "a window" in everything(made)
    carry_out(made, Erasure("", "ann", *ALL[reach]))
    assert "a window" not in everything(made)
    made.execute("DELETE FROM ledger.refused; UPDATE ledger.positions SET next_offset = 0")
    write(made, bad)
    assert "a window" not in everything(made)
    assert made.execute("SELECT count(*) FROM ledger.refused").fetchone() == (2,)


def test_an_erasure_waits_for_the_chunk_under_way_and_forgets_it_too(made: psycopg.Connection[Any]) -> None:
    calls = [record for record in night() if record.topic == "calls"]
    log = (f"ronde.{calls[0].topic}", calls[0].partition)
    with (
        psycopg.connect(made.info.dsn, autocommit=True) as other,
        psycopg.connect(made.info.dsn, autocommit=True) as gate,
    ):
        sink = Ledger(made, "sink")
        sink.claim([log])
        given = chunk([*messages(calls), message(calls[-1]._replace(offset=99), b"no call")])
        with gate.transaction():
            gate.execute("LOCK TABLE ledger.refused IN ACCESS EXCLUSIVE MODE")  # where the chunk comes late
            writing = threading.Thread(target=sink.write, args=(given,))
            writing.start()
            eventually(lambda: waiting(gate) == 1, "the chunk waits")
            erasing = threading.Thread(target=carry_out, args=(other, Erasure("S1", "", LATER)))
            erasing.start()
            eventually(lambda: waiting(gate) == 2, "the erasure waits")
        writing.join()
        erasing.join()
    assert not any(words in everything(made) for words in OF_ANN)


def waiting(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return int(row[0]) if row is not None else 0


# --- the topic ------------------------------------------------------------------------------------


def test_the_command_erases_at_once_and_a_rebuild_does_not_bring_it_back(
    run: Run,
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    ahead = int(time.time() * 1000) + 10 * 60_000  # the telephony's clock; Kafka takes an hour
    records = [
        record._replace(at=ahead) if record.topic == "call-results" else record
        for record in neighbourhoods(partitions=3, sites=20, minutes=3 * 60)
    ]
    publish(records)
    file = sink_file()
    first = sink(file)
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    seen = sorted(bare(ledger), key=str)
    site = next(record.value.site_id for record in records if record.topic == "dispatches")
    contact = next(r.value.contact_id for r in records if r.topic == "calls" and r.value.site_id != site)
    assert any(r.value.detail for r in records if r.topic == "call-results" and r.value.site_id == site)

    # A sink at work may be quicker than the command.
    assert run("ledger", "erase", "--site", site, "--settings", file).out.startswith("erased")
    assert run("ledger", "erase", "--contact", contact, "--settings", file).out.startswith("erased")
    erased = rows_of(ledger)
    assert personal_of(ledger, site, contact) == []
    first.stop()
    ledger.execute("DROP SCHEMA ledger CASCADE")
    second = sink(file)
    eventually(lambda: is_whole(ledger, records), "all records in the ledger again")
    assert rows_of(ledger) == erased
    assert sorted(bare(ledger), key=str) == seen
    assert "ronde_sink_erasures_total 2.0" in second.page("metrics")[1]


def personal_of(ledger: psycopg.Connection[Any], site: str, contact: str) -> list[Any]:
    return ledger.execute(
        "SELECT contact_name, phone FROM ledger.call_commands"
        " WHERE (site_id = %(site)s OR contact_id = %(contact)s) AND (contact_name || phone) IS NOT NULL"
        " UNION ALL SELECT address::text, instructions FROM ledger.dispatch_commands"
        " WHERE site_id = %(site)s AND (address IS NOT NULL OR instructions IS NOT NULL)"
        " UNION ALL SELECT detail, NULL FROM ledger.call_results WHERE site_id = %(site)s AND detail IS NOT NULL",
        {"site": site, "contact": contact},
    ).fetchall()


def test_a_sink_at_work_carries_out_what_was_erased_while_postgresql_was_away(
    run: Run,
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    records = neighbourhoods(partitions=3, sites=5, minutes=60)
    publish(records)
    sink(sink_file())
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    site = next(record.value.site_id for record in records if record.topic == "calls")
    ran = run("ledger", "erase", "--site", site, "--settings", sink_file(postgres={"port": 1}))
    assert ran.exit == 1
    assert "the next sink carries it out; it is not done yet" in ran.err
    eventually(lambda: personal_of(ledger, site, "") == [], "the sink erases")


def test_the_last_erasure_of_each_stays_on_the_topic(
    configuration: Configuration, run: Run, sink_file: SettingsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        ran = run("ledger", "erase", "--contact", "ann", "--settings", sink_file())
        assert (ran.exit, "is on its topic" in ran.err) == (1, True)
    create_topic(configuration)
    log = ErasureLog(configuration)
    log.begin()
    values = []
    for value in log.rest():
        time.sleep(0.1)  # longer than there may be nothing new
        monkeypatch.setattr("sinks.forget.erasures._NEWS_SECONDS", 0.05)
        values.append(parse(value))
    log.close()
    assert [(value.site_id, value.contact_id) for value in values] == [("", "ann")] * 2
    assert len({value.key() for value in values}) == 1


def test_a_topic_of_erasures_that_is_not_shown_is_not_taken_for_an_empty_one(configuration: Configuration) -> None:
    log = ErasureLog(configuration)  # whose topic nobody has made
    with pytest.raises(Away, match=r"erasures: .*[Uu]nknown topic"):
        log.begin()
    log.begin(may_be_missing=True)
    assert list(log.rest()) == []
    log.close()


def test_an_erasure_comes_back_as_it_was_sent_and_an_older_one_has_no_ends() -> None:
    erasure = Erasure("S1", "ann", LATER, {"calls": [5, 0], "alerts": []})
    assert parse(erasure.value()) == erasure
    assert parse(b'{"site_id": "S1", "erased_at": "2026-01-01T00:00:00Z"}').ends == {}
    foreign = b'{"site_id": "S1", "erased_at": "2026-01-01T00:00:00Z", "ends": {"\\u0000": [5], "calls": [7]}}'
    assert parse(foreign).ends == {"calls": [7]}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"{}",
        b'{"site_id": 1}',
        b'{"site_id": "S\\u0000"}',
        b'{"site_id": "S1", "erased_at": "never"}',
        b'{"site_id": "S1", "erased_at": 1}',
        b'{"site_id": "S1", "erased_at": "2026-01-01T00:00:00Z", "ends": [5]}',
        b'{"site_id": "S1", "erased_at": "2026-01-01T00:00:00Z", "ends": {"calls": 5}}',
        b'{"site_id": "S1", "erased_at": "2026-01-01T00:00:00Z", "ends": {"calls": [true]}}',
        b'{"site_id": "S1", "erased_at": "2026-01-01T00:00:00Z", "ends": {"calls": [9223372036854775808]}}',
        b"[" * 100_000,
        b'{"site_id": "\\ud800", "erased_at": "2026-01-01T00:00:00Z"}',
        b'{"contact_id": "' + b"x" * 1001 + b'", "erased_at": "2026-01-01T00:00:00Z"}',
    ],
)
def test_a_record_that_is_no_erasure_is_an_error_of_its_own(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(value)
