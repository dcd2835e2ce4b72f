"""`ronde sink` on a real Kafka and a real PostgreSQL: every record has its row, once, whichever process dies when."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import psutil
import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from ronde.local.kafka import Kafka
from schemas.contract.topics import TOPICS
from sinks.faults import POINTS
from sinks.forget.erasures import Erasure, create_topic, send
from sinks.settings import Configuration
from streams.settings import Settings
from tests.conftest import SettingsFile
from tests.sinks.bench import is_whole, positions_of, up_to
from tests.sinks.compare import assert_same
from tests.sinks.conftest import Sink
from tests.sinks.records import Record, neighbourhoods
from tests.support.waiting import eventually

ONCE: Final = {"after_erasure", "after_claim"}  # in the life of a sink to which nothing happens


def test_every_record_has_its_row_and_a_restart_adds_nothing(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    records = neighbourhoods(partitions=3, sites=40, minutes=24 * 60)
    publish(records)
    file = sink_file()
    first = sink(file)
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    assert_same(ledger, records)
    assert first.is_ready()
    assert first.stop() == 0

    second = sink(file)
    eventually(second.is_ready, "the second sink ready")
    assert second.stop() == 0
    assert_same(ledger, records)


def test_a_kill_at_any_point_leaves_rows_and_positions_that_agree_and_the_next_sink_goes_on(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    configuration: Configuration,
    topics: Settings,
) -> None:
    records = neighbourhoods(partitions=3, sites=30, minutes=12 * 60)
    create_topic(configuration)
    send(configuration, topics.client("producer"), Erasure("", "somebody else", datetime.now(UTC)))
    # Dead members are noticed within a second under this protocol; small chunks give many passages.
    file = sink_file(sink={"group_protocol": "classic", "session_timeout_ms": 1000, "chunk_max": 40})
    sent = 0
    for number, point in enumerate(POINTS.points, start=1):
        upcoming = number * len(records) // (len(POINTS.points) + 1)
        publish(records[sent:upcoming])
        sent = upcoming
        dying = sink(file, fault=f"{point}:{1 if point in ONCE else 3}")
        assert dying.wait() == -signal.SIGKILL, f"{point}: {dying.said()}"
        assert_same(ledger, up_to(ledger, records))

    publish(records[sent:])
    sink(file)
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    assert_same(ledger, records)


def test_sinks_share_the_partitions_and_hand_them_over(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    records = neighbourhoods(partitions=3, sites=40, minutes=12 * 60)
    parts = [records[number * len(records) // 4 : (number + 1) * len(records) // 4] for number in range(4)]
    files = [sink_file(sink={"id": name, "chunk_max": 40}) for name in ("a", "b", "c")]

    first = sink(files[0])
    publish(parts[0])
    eventually(lambda: up_to(ledger, records), "the first rows")
    second = sink(files[1])
    publish(parts[1])
    eventually(lambda: owners(ledger) == {"a", "b"}, "both at work")
    third = sink(files[2])
    first.stop()
    publish(parts[2])
    eventually(lambda: owners(ledger) == {"b", "c"}, "the first one's partitions taken over")
    second.kill()
    publish(parts[3])
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    assert_same(ledger, records)
    assert third.is_ready()


def owners(ledger: psycopg.Connection[Any]) -> set[str]:
    return {owner for (owner,) in ledger.execute("SELECT DISTINCT owner FROM ledger.positions").fetchall()}


@pytest.mark.parametrize("point", ["after_decode", pytest.param("after_put", marks=pytest.mark.soak)])
def test_a_sink_that_was_asleep_while_another_took_over_writes_nothing_and_joins_again(
    point: str,
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    """Asleep within a transaction, it holds the other up until PostgreSQL ends that (10 s)."""
    records = neighbourhoods(partitions=3, sites=20, minutes=12 * 60)
    middle = len(records) // 2
    classic = {"group_protocol": "classic", "session_timeout_ms": 1000, "chunk_max": 100}
    publish(records[:middle])
    asleep = sink(sink_file(sink={**classic, "id": "asleep"}), fault=f"{point}:3:stop")
    eventually(lambda: psutil.Process(asleep.process.pid).status() == psutil.STATUS_STOPPED, "it asleep")
    awake = sink(sink_file(sink={**classic, "id": "awake"}))
    eventually(lambda: is_whole(ledger, records[:middle]), "the other one done")
    assert owners(ledger) == {"awake"}

    asleep.process.send_signal(signal.SIGCONT)
    eventually(lambda: owners(ledger) == {"awake", "asleep"}, "both at work")
    publish(records[middle:])
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    assert_same(ledger, records)
    if point == "after_decode":
        assert "ronde_sink_fenced_total 1.0" in asleep.page("metrics")[1]
    assert awake.is_ready()


def test_an_empty_database_is_filled_again_from_the_topics(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    """Results come before their calls the first time, all at once the second."""
    records = neighbourhoods(partitions=3, sites=30, minutes=12 * 60)
    inputs = [record for record in records if TOPICS[record.topic].way == "in"]
    outputs = [record for record in records if TOPICS[record.topic].way == "out"]
    file = sink_file()
    publish(inputs)
    first = sink(file)
    eventually(lambda: is_whole(ledger, inputs), "the inputs in the ledger")
    publish(outputs)
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    assert_same(ledger, records)
    first.stop()
    calls = ledger.execute("SELECT * FROM ledger.calls ORDER BY command_id").fetchall()

    ledger.execute("DROP SCHEMA ledger CASCADE")
    sink(file)
    eventually(lambda: is_whole(ledger, records), "all records in the ledger again")
    assert_same(ledger, records)
    assert ledger.execute("SELECT * FROM ledger.calls ORDER BY command_id").fetchall() == calls


def test_a_topic_that_is_missing_ends_the_sink_with_what_to_do(
    sink_file: SettingsFile, sink: Callable[..., Sink]
) -> None:
    ended = sink(sink_file())
    assert ended.wait() == 1
    assert "make them with `ronde topics create`" in ended.said()


def test_records_that_kafka_removed_before_they_were_read_are_counted_and_the_rest_goes_in(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    configuration: Configuration,
    kafka: Kafka,
) -> None:
    records = neighbourhoods(partitions=3, sites=10, minutes=12 * 60)
    alerts = [record for record in records if record.topic == "alerts" and record.partition == 1]
    gone = alerts[3:5]
    publish([record for record in records if record.topic != "alerts"])
    publish(alerts[:3])
    file = sink_file()
    before = sink(file)
    eventually(lambda: positions_of(ledger, "alerts")[1] == 3, "the first alerts in the ledger")
    before.stop()
    publish(alerts[3:])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for deleted in admin.delete_records(
        [TopicPartition(configuration.topic("alerts"), 1, gone[-1].offset + 1)]
    ).values():
        deleted.result()

    after = sink(file)
    eventually(lambda: positions_of(ledger, "alerts")[1] == len(alerts), "the last alerts in the ledger")
    others = [record for record in records if record.topic != "alerts"]
    assert_same(ledger, [*others, *(record for record in alerts if record not in gone)])
    assert f'ronde_sink_missed_records_total{{topic="alerts"}} {len(gone)}.0' in after.page("metrics")[1]


def test_another_topic_of_the_same_name_is_not_mixed_into_the_ledger(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    publish(neighbourhoods(partitions=1, sites=5, minutes=60))
    first = sink(sink_file())
    eventually(lambda: positions_of(ledger, "alerts")[0], "the first alerts in the ledger")
    first.stop()
    ledger.execute("UPDATE ledger.positions SET next_offset = next_offset + 1000 WHERE topic LIKE '%.alerts'")
    ended = sink(sink_file())
    assert ended.wait() == 1
    assert "it is not the topic that this ledger was made from" in ended.said()


def test_metrics_tell_what_was_written_and_how_far_behind_it_is(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    configuration: Configuration,
    kafka: Kafka,
) -> None:
    records = neighbourhoods(partitions=3, sites=10, minutes=60)
    publish(records)
    poison(configuration, kafka)
    running = sink(sink_file())

    def metrics() -> set[str]:
        return set(running.page("metrics")[1].splitlines())

    number = sum(record.topic == "decisions" for record in records)
    expected = {
        f'ronde_sink_rows_total{{topic="decisions"}} {number:.1f}',
        'ronde_sink_refused_total{reason="UNDECODABLE",topic="decisions"} 1.0',
        'ronde_sink_lag_records{partition="0",topic="decisions"} 0.0',
        "ronde_sink_ready 1.0",
    }
    eventually(lambda: expected <= metrics(), "these metrics")
    assert running.page("health")[0] == 200
    assert running.page("nothing")[0] == 404
    assert "Martin" not in running.said()
    assert "+33639980" not in running.said()


def poison(configuration: Configuration, kafka: Kafka) -> None:
    """A decision that is none."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(configuration.topic("decisions"), b"no decision", b"site", 0)
    assert producer.flush(10) == 0
