"""A topic that was deleted and created again is another one, however far it has come: refused for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from confluent_kafka.admin import AdminClient

from ronde.local.kafka import Kafka
from sinks.settings import Configuration
from sinks.topic_admin import topic_ids
from streams.kafka.topics import create
from streams.settings import Settings
from tests.conftest import SettingsFile
from tests.sinks.conftest import Sink
from tests.sinks.records import Record, neighbourhoods
from tests.sinks.test_sink import is_whole, positions_of
from tests.sinks.writing import FED
from tests.support.waiting import eventually


def test_a_topic_created_again_is_refused_at_each_start_though_it_is_longer(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
    configuration: Configuration,
    topics: Settings,
    kafka: Kafka,
) -> None:
    records = neighbourhoods(partitions=3, sites=5, minutes=60)
    publish(records)
    running = sink(sink_file())
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    alerts = configuration.topic("alerts")
    before = positions_of(ledger, "alerts")
    ids = ledger.execute("SELECT DISTINCT topic, topic_id FROM ledger.positions").fetchall()
    assert dict(ids) == topic_ids(configuration, configuration.fed), "each is known by its id"
    assert len(ids) == len(FED)

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.delete_topics([alerts])[alerts].result()
    eventually(lambda: alerts not in admin.list_topics().topics, "the topic gone")
    create(topics)
    longer = [record for record in neighbourhoods(partitions=3, sites=20, minutes=300) if record.topic == "alerts"]
    publish(longer)
    assert running.wait() == 1, "at work, it finds out by itself"
    assert "not the topic that this ledger was made from" in " ".join(running.said().split())
    for _ in range(2):
        ended = sink(sink_file())
        assert ended.wait() == 1
        said = " ".join(ended.said().split())
        assert f"{alerts}: not the topic that this ledger was made from" in said
        assert "a database of their own" in said
    assert positions_of(ledger, "alerts") == before


def test_a_ledger_of_a_version_without_ids_takes_those_that_there_are(
    sink_file: SettingsFile,
    sink: Callable[..., Sink],
    publish: Callable[[list[Record]], None],
    ledger: psycopg.Connection[Any],
) -> None:
    records = neighbourhoods(partitions=3, sites=5, minutes=60)
    publish(records)
    first = sink(sink_file())
    eventually(lambda: is_whole(ledger, records), "all records in the ledger")
    first.stop()
    ledger.execute("UPDATE ledger.positions SET topic_id = NULL")
    second = sink(sink_file())
    eventually(second.is_ready, "the sink ready")
    without = "SELECT count(*) FROM ledger.positions WHERE topic_id IS NULL"
    eventually(lambda: ledger.execute(without).fetchone() == (0,), "each topic's id beside its positions")
