"""Records of the edges: which belong to an incident, what an erasure leaves of them, and that a sink writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from edges.values import Claim, DeskEvent, Signal
from ronde.views.incident.page import page
from schemas.contract.topics import TOPICS
from service.objectives import ObjectiveSettings
from sinks.ask.edge_records import BEFORE_MS
from sinks.ask.report import handling
from sinks.ask.timeline import Timeline, timeline
from sinks.database.migrate import migrate
from sinks.forget.erasures import Erasure, carry_out
from sinks.rows.feeds import FEEDS
from streams.escalation.values import Alert
from streams.formats.codec import Codec
from streams.kafka.topics import create
from streams.settings import Settings
from tests.sinks.bench import EMPTY, Bench
from tests.sinks.compare import rows_from, rows_of
from tests.sinks.edge_records import SECOND, beside, of_alert, placed
from tests.sinks.night import HOME, PARTITION, night
from tests.sinks.records import MINUTE, encoded, neighbourhoods
from tests.sinks.writing import messages, write
from tests.support.times import START
from tests.support.waiting import eventually

OPENED: Final = START + MINUTE
CLOSED: Final = START + 34 * MINUTE + 10 * SECOND
NIGHT: Final = [record for record in night() if TOPICS[record.topic].way != "edge"]
ALERT: Final = next(record.value for record in NIGHT if isinstance(record.value, Alert))
INCIDENT: Final = next(record.value.incident_id for record in NIGHT if record.topic == "decisions")
CALL: Final = next(record.value for record in NIGHT if record.topic == "calls")
CLAIM: Final = Claim("c", HOME.site_id, INCIDENT, CALL.command_id, "olga", "PERSON", "TAKE", 60)
EVENT: Final = DeskEvent("e", HOME.site_id, INCIDENT, "olga", "VIEWED", None, None, OPENED)


@pytest.fixture
def made(ledger: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A ledger with the night, and nothing of the edges."""
    migrate(ledger)
    write(ledger, messages(NIGHT))
    return ledger


def look(ledger: psycopg.Connection[Any], *values: tuple[int, Any]) -> Timeline:
    """The timeline with these values of the edges at these times."""
    assert write(ledger, messages(placed(values, PARTITION))) == []
    seen = timeline(ledger, INCIDENT, personal=False)
    assert seen is not None
    return seen


def signal(at: int, **fields: Any) -> tuple[int, Signal]:
    return at, of_alert(ALERT, at, signal_id=str(at), received_at=at, **fields)


def test_signals_are_shown_from_five_minutes_before_the_opening_to_the_close(made: psycopg.Connection[Any]) -> None:
    inside = [OPENED - BEFORE_MS, OPENED, CLOSED]
    outside = [OPENED - BEFORE_MS - 1, CLOSED + 1]
    others = [signal(OPENED + 1, site_id="S2"), signal(OPENED + 2, site_id=None, account="77")]
    seen = look(made, *map(signal, (*inside, *outside)), *others)
    assert [record.received_at for record in seen.signals] == inside


def test_takes_have_the_time_since_the_call_was_issued_and_those_who_lost_are_left_out(
    made: psycopg.Connection[Any],
) -> None:
    issued = CALL.issued_at
    seen = look(
        made,
        (issued + 4 * SECOND, CLAIM),
        (issued + 5 * SECOND, CLAIM._replace(by="paul")),
        (issued + 30 * SECOND, CLAIM._replace(action="RENEW")),
        (issued + 80 * SECOND, CLAIM._replace(by="paul")),
        (issued + 90 * SECOND, CLAIM._replace(by="paul")),
        (issued + 91 * SECOND, CLAIM._replace(by="dialler", who="ROBOT", action="TAKE_OVER")),
        (issued + 92 * SECOND, CLAIM._replace(subject="an attention of tomorrow")),
    )
    assert [(take.by, take.action, take.after_ms) for take in seen.takes] == [
        ("olga", "TAKE", 4 * SECOND),
        ("paul", "TAKE", 90 * SECOND),
        ("dialler", "TAKE_OVER", 91 * SECOND),
        ("olga", "TAKE", None),
    ]


def test_what_names_the_incident_is_shown_at_any_time_and_what_names_none_while_it_is_open(
    made: psycopg.Connection[Any],
) -> None:
    nameless = EVENT._replace(incident_id=None)
    seen = look(
        made,
        (CLOSED + MINUTE, EVENT._replace(event_id="later", at=CLOSED + MINUTE)),
        (OPENED + MINUTE, nameless._replace(event_id="at work")),
        (OPENED - 1, nameless._replace(event_id="before")),
        (CLOSED + 1, nameless._replace(event_id="after")),
        (OPENED, EVENT._replace(event_id="of another", incident_id="another")),
        (OPENED, nameless._replace(event_id="elsewhere", site_id="S2")),
    )
    assert {event.id for event in seen.desk_events} == {"later", "at work"}
    assert page(seen).count("looks at the incident") == 2


def test_a_first_call_counts_as_taken_though_its_clock_was_ahead_of_the_brokers(made: psycopg.Connection[Any]) -> None:
    look(made, (CALL.issued_at - 6 * SECOND, CLAIM))
    (found,) = handling(made, START, ObjectiveSettings(first_seconds=10))
    assert (found.calls, found.within[10]) == (1, 1), "its answer came after 20 s"


@pytest.mark.parametrize("erased", [HOME.site_id, "account:77"])
def test_an_erased_site_keeps_its_signals_without_what_is_personal(made: psycopg.Connection[Any], erased: str) -> None:
    """Also one of an account that no site is known of."""
    site_id = None if erased.startswith("account:") else erased

    def personal() -> list[Any]:
        signals = made.execute('SELECT site_id, raw, text, "user" FROM ledger.signals ORDER BY received_at')
        return [*signals.fetchall(), *made.execute("SELECT detail FROM ledger.desk_events").fetchall()]

    of_home = signal(OPENED, site_id=site_id, account="77", user="3", text="Martin", raw=b"Martin")
    of_another = signal(OPENED + 1, site_id="S2", account="77", user="4", text="Durand", raw=b"Durand")
    note = OPENED, EVENT._replace(action="NOTE", detail="her mobile", site_id=erased)
    erasure = Erasure(erased, "", datetime.fromtimestamp(CLOSED / 1000, UTC))
    look(made, of_home, of_another, note)
    before = personal()
    assert before == [(site_id, b"Martin", "Martin", "3"), ("S2", b"Durand", "Durand", "4"), ("her mobile",)]
    records = carry_out(made, erasure)
    after = [(site_id, None, None, None), ("S2", b"Durand", "Durand", "4"), (None,)]
    assert personal() == after
    assert records is not None
    assert records > (2 if site_id else 1)

    made.execute("DROP SCHEMA ledger CASCADE")
    migrate(made)
    carry_out(made, erasure)
    write(made, messages(NIGHT))
    look(made, of_home, of_another, note)
    assert personal() == after, "nor does a rebuild bring it back"
    look(made, signal(CLOSED + 1, site_id=site_id, account="77", text="Petit"))
    assert "Petit" in str(personal()), "a record of after the erasure stays"


def test_an_erasure_of_an_account_from_before_it_reached_signals_reaches_them(ledger: psycopg.Connection[Any]) -> None:
    migrate(ledger, to=7)
    for account in ("77", "78"):
        ledger.execute(
            "INSERT INTO ledger.signals (signal_id, account, protocol, meaning, outcome, received_at,"
            " receiver, authenticated, text, kafka_partition, kafka_offset)"
            " VALUES ('S', %s, 'DC09', 'OPENING', 'SIGNAL', ledger.instant(%s), 'receiver-1', true, 'Martin', 0, %s)",
            (account, OPENED, int(account)),
        )
    ledger.execute("SELECT ledger.erase('account:77', '', ledger.instant(%s))", (CLOSED,))
    migrate(ledger)
    assert ledger.execute("SELECT account, text FROM ledger.signals ORDER BY account").fetchall() == [
        ("77", None),
        ("78", "Martin"),
    ]


def test_an_erasure_of_a_contact_leaves_signals_alone(made: psycopg.Connection[Any]) -> None:
    look(made, signal(OPENED, text="Martin"))
    carry_out(made, Erasure("", "ann", datetime.fromtimestamp(CLOSED / 1000, UTC) + timedelta(days=1)))
    assert made.execute("SELECT text FROM ledger.signals").fetchall() == [("Martin",)]


def test_a_sink_starts_before_the_topics_of_the_edges_are_made_and_finds_them_later(
    bench: Bench, topics: Settings
) -> None:
    edges = [bench.configuration.topic(feed.topic) for feed in FEEDS if TOPICS[feed.topic].way == "edge"]
    admin = AdminClient({"bootstrap.servers": bench.servers})
    for answer in admin.delete_topics(edges).values():
        answer.result()
    eventually(lambda: not admin.list_topics().topics.keys() & set(edges), "the topics gone")
    sink = bench.fill(neighbourhoods(partitions=2, sites=3, minutes=30))
    assert all(topic in sink.said() for topic in ("topics are missing", *edges))
    create(topics)
    record = placed([signal(OPENED)], EMPTY)[0]
    bench.put("signals", encoded(Codec(), record))
    eventually(lambda: bench.positions("signals")[EMPTY] == 1, "the signal in the ledger")


def test_a_sink_writes_them_from_kafka_and_claims_have_the_brokers_time(bench: Bench) -> None:
    records = beside(neighbourhoods(partitions=3, sites=5, minutes=60))
    producer, codec = Producer({"bootstrap.servers": bench.servers, "enable.idempotence": True}), Codec()
    for record in records:
        topic = bench.configuration.topic(record.topic)
        producer.produce(topic, encoded(codec, record), record.key, record.partition, timestamp=record.at)
    assert producer.flush(30) == 0
    began = datetime.now(UTC).timestamp() * 1000 - MINUTE
    bench.start()
    eventually(lambda: bench.is_whole(records), "all records in the ledger")
    found, expected = rows_of(bench.ledger), rows_from(records)
    for place, row in expected["claims"].items():
        at = found["claims"][place]["received_at"]
        assert at > began
        row["received_at"] = at
    for table in ("signals", "claims", "desk_events"):
        assert found[table] == expected[table]
