"""A topic that was deleted and created again is another one, however far it has come: refused for good."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient

from sinks.topic_admin import topic_ids
from streams.kafka.topics import create
from streams.settings import Settings
from tests.sinks.bench import Bench
from tests.sinks.records import neighbourhoods
from tests.sinks.writing import FED
from tests.support.waiting import eventually


def test_a_topic_created_again_is_refused_at_each_start_though_it_is_longer(bench: Bench, topics: Settings) -> None:
    sink = bench.fill(neighbourhoods(partitions=3, sites=5, minutes=60))
    alerts = bench.configuration.topic("alerts")
    before = bench.positions("alerts")
    ids = bench.ledger.execute("SELECT DISTINCT topic, topic_id FROM ledger.positions").fetchall()
    assert dict(ids) == topic_ids(bench.configuration, bench.configuration.fed), "each is known by its id"
    assert len(ids) == len(FED)

    admin = AdminClient({"bootstrap.servers": bench.servers})
    admin.delete_topics([alerts])[alerts].result()
    eventually(lambda: alerts not in admin.list_topics().topics, "the topic gone")
    create(topics)
    assert sink.wait() == 1, "at work, it finds out by itself"
    assert "not the topic that this ledger was made from" in " ".join(sink.said().split())
    # Not before: until its group tells it, a sink at work reads on in the new topic (docs/ledger.md).
    longer = [record for record in neighbourhoods(partitions=3, sites=20, minutes=300) if record.topic == "alerts"]
    bench.publish(longer)
    for _ in range(2):
        ended = bench.start()
        assert ended.wait() == 1
        said = " ".join(ended.said().split())
        assert f"{alerts}: not the topic that this ledger was made from" in said
        assert "a database of their own" in said
    assert bench.positions("alerts") == before


def test_a_ledger_of_a_version_without_ids_takes_those_that_there_are(bench: Bench) -> None:
    bench.fill(neighbourhoods(partitions=3, sites=5, minutes=60)).stop()
    bench.ledger.execute("UPDATE ledger.positions SET topic_id = NULL")
    second = bench.start()
    eventually(second.is_ready, "the sink ready")
    without = "SELECT count(*) FROM ledger.positions WHERE topic_id IS NULL"
    eventually(lambda: bench.ledger.execute(without).fetchone() == (0,), "each topic's id beside its positions")
