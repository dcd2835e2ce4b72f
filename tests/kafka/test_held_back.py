"""What a broker holds back from a worker or its readers, and what the worker says of it."""

from __future__ import annotations

import json
import logging

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]

from ronde.shared.topic_reading import recorded
from schemas.avro.records import encode
from streams.kafka.reading import Logs
from streams.verify.verification import Verification
from tests.kafka.conftest import PARTITIONS, WorkerFile
from tests.kafka.world import World, now_ms, worker
from tests.support.waiting import eventually


def test_strangers_transactions_added_partitions_and_deleted_inputs_are_told(
    world: World, worker_file: WorkerFile, client_log: logging.Logger
) -> None:
    settings = world.settings
    admin = AdminClient(settings.client("admin"), logger=client_log)
    site = world.site_in(1)
    world.site(site)
    with worker(worker_file("a")) as process:
        process.wait_ready()
        world.alert(site, "alert-1")
        world.wait_for(site, "decisions", rule="OPENED")
        stranger = Producer({**settings.client("producer"), "transactional.id": "stranger"}, logger=client_log)
        stranger.init_transactions()
        stranger.begin_transaction()
        for topic in ("alerts", "calls"):
            stranger.produce(settings.topic(topic), b"?", b"k", partition=1)
        stranger.flush()
        world.alert(site, "alert-2")
        eventually(lambda: process.metric("ronde_input_lag_records", topic="alerts", partition="1") >= 2, "the lag")
        eventually(lambda: process.metric("ronde_input_lag_seconds", topic="alerts", partition="1") > 2, "its seconds")
        blocked = "ronde_readers_blocked_seconds"
        eventually(lambda: process.metric(blocked, topic="calls", partition="1") > 10, "readers held up")
        assert json.loads(process.page("ready")[1])["reasons"].keys() == {"inputs"}
        assert process.page("health")[0] == 200
        stranger.abort_transaction()
        world.wait_for(site, "decisions", rule="MERGED")
        process.wait_ready()
        assert process.metric(blocked, topic="calls", partition="1") == 0
        assert process.stop() == 0
    _, last = world.alert(site, "alert-3")
    deleted = TopicPartition(settings.topic("alerts"), 1, last + 1)
    for answer in admin.delete_records([deleted]).values():
        answer.result()
    with worker(worker_file("a")) as process:  # a log of its own
        process.wait_ready()
        assert process.metric("ronde_inputs_deleted_total", topic="alerts", partition="1") >= 1
        assert process.logged("inputs were deleted before they were handled")
        world.alert(site, "alert-4")
        eventually(lambda: process.metric("ronde_inputs_total", topic="alerts", partition="1") == 1, "the next alert")
        verified = Verification(Logs(settings), recorded(settings)).run()
        assert verified.deleted["alerts", 1] >= 1, "also after the group has passed the gap"
        for created in admin.create_partitions([NewPartitions(settings.topic("alerts"), PARTITIONS + 1)]).values():
            created.result()
        eventually(lambda: "partitions" in json.loads(process.page("ready")[1])["reasons"], "partitions told")
        assert process.metric("ronde_topic_partitions_excess", topic="alerts") == 1


def test_a_marker_that_is_deleted_is_no_input_that_was_lost(
    world: World, worker_file: WorkerFile, client_log: logging.Logger
) -> None:
    settings, log = world.settings, ("alerts", 1)
    site, times = world.site_in(1), {"call_timeout_seconds": 1, "wait_seconds": 1}
    receiver = Producer({**settings.client("producer"), "transactional.id": "receiver"}, logger=client_log)
    receiver.init_transactions()
    logs = Logs(settings)
    with worker(worker_file("a", times)) as process:
        process.wait_ready()
        world.live_site(site)
        receiver.begin_transaction()
        value = encode("Alert", {"alert_id": "A1", "site_id": site, "kind": "INTRUSION", "raised_at": now_ms()})
        receiver.produce(settings.topic("alerts"), value, site.encode(), partition=1)
        receiver.commit_transaction()
        eventually(lambda: logs.offsets.committed([log]) == {log: 1}, "the offset behind the alert")
        eventually(lambda: logs.offsets.committed([log]) and logs.offsets.notes[log].passed == 2, "the note")
        assert process.stop() == 0
    admin = AdminClient(settings.client("admin"), logger=client_log)
    for answer in admin.delete_records([TopicPartition(settings.topic("alerts"), 1, 2)]).values():
        answer.result()
    assert Verification(Logs(settings), recorded(settings)).run().deleted == {}
    with worker(worker_file("a", times)) as process:
        process.wait_ready()
        assert process.metric("ronde_inputs_deleted_total") == 0
