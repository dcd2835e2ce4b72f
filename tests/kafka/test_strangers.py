"""Records as a stranger's client may write them: each costs itself, and every reader gets past it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from ronde.local.kafka import Kafka
from schemas.avro.records import encode
from schemas.contract.topics import INPUT_BYTES
from service.headers import headers_of
from tests.conftest import Run
from tests.kafka.conftest import WorkerFile
from tests.kafka.raw import RawProducer, RawRecord, keep_compressed
from tests.kafka.world import World, now_ms, worker
from tests.support.waiting import eventually

LARGE = 5_000_000
_OFTEN = 200
HEADERS = [(b"a", b"1"), (b"\xff\xfe\xc3\xa9", b"2"), (b"", b""), (b"b", None)]


def alert(site_id: str, alert_id: str, **fields: object) -> bytes:
    return encode(
        "Alert", {"alert_id": alert_id, "site_id": site_id, "kind": "INTRUSION", "raised_at": now_ms(), **fields}
    )


def test_records_larger_than_their_topic_takes_uncompressed_and_names_that_are_no_text(
    world: World, run: Run, worker_file: WorkerFile, kafka: Kafka
) -> None:
    keep_compressed(world.settings)
    file = worker_file("a")
    site = world.site_in(1)
    topic, key = world.settings.topic("alerts"), site.encode()
    with worker(file) as process:
        process.wait_ready()
        world.live_site(site)
        with RawProducer(
            kafka.bootstrap_servers, **{"compression.codec": "zstd", "message.max.bytes": "20000000"}
        ) as raw:
            for record in (
                RawRecord(topic, 1, key, b"x" * LARGE),
                RawRecord(topic, 1, key, alert(site, "long", detail="x" * LARGE)),
                RawRecord(topic, 1, b"k" * LARGE, b"x" * LARGE, [(b"h" * LARGE, b"")]),
                RawRecord(topic, 1, key, None, [(b"n" * 100, b"")] * 30_000),
                RawRecord(topic, 1, key, b"noise", HEADERS),
                RawRecord(topic, 1, key, b"noise", [*HEADERS, (b"\xc3", b"3")]),
                RawRecord(topic, 1, key, alert(site, "A1"), HEADERS),
            ):
                assert raw.put(record) == ""
                raw.flush()
        world.wait_for(site, "decisions", rule="OPENED")
        eventually(lambda: len(world.all("dead-letters")) == 6, "six dead letters")
        letters = world.all("dead-letters")
        assert [letter.headers.get("dlq.cut") for letter in letters] == [
            f"value {LARGE}",
            f"value {len(alert(site, 'long', detail='x' * LARGE))}",
            f"key {LARGE}, headers 1, value {LARGE}",
            "headers 30000",
            None,
            None,
        ]
        assert [letter.headers["dlq.reason"] for letter in letters][:2] == ["UNDECODABLE", "TOO_LONG"]
        assert [name for name in letters[4].headers if "dlq" not in name] == ["a", r"\xff\xfeé", ""]
        assert [name for name in letters[5].headers if "dlq" not in name] == ["a", r"\x??", ""]
        assert process.stop() == 0
    _everybody_reads(run, file, site)


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4", "snappy"])
def test_a_record_larger_than_its_topic_takes_is_refused_at_its_sender_compressed_or_not(
    world: World, kafka: Kafka, codec: str
) -> None:
    """By the broker: a reader has no limit that it could go on from."""
    topic, key = world.settings.topic("alerts"), b"S1"
    refusals: list[str] = []
    properties = {"compression.codec": codec, "message.max.bytes": "20000000"}
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **properties})
    for size in (LARGE, INPUT_BYTES - 1000):
        producer.produce(
            topic, b"x" * size, key, 1, on_delivery=lambda error, _: refusals.append(error.name() if error else "")
        )
        assert producer.flush(20) == 0
    assert refusals == ["MSG_SIZE_TOO_LARGE", ""]


def _everybody_reads(run: Run, file: Path, site: str) -> None:
    for command in (("verify",), ("replay", "--site", site), ("dlq", "list")):
        ran = run(*command, "--settings", file)
        assert ran.exit == 0, (command, ran)
        assert "Traceback" not in ran.err
    letters = json.loads(run("dlq", "list", "--settings", file, "--json").out)["letters"]
    for letter in letters:
        ran = run("dlq", "show", letter["id"], "--personal", "--settings", file)
        assert ran.exit == 0, ran
        assert "Traceback" not in ran.err
    ran = run("dlq", "replay", *(one["id"] for one in letters), "--settings", file, "--json")
    replayed = json.loads(ran.out)["settled"]
    assert [one["outcome"] for one in replayed] == ["cut"] * 4 + ["replayed"] * 2


def test_headers_may_be_read_again_and_again(world: World, kafka: Kafka) -> None:
    """What the client leaves behind where a name is no text ends the process that touches it.

    Python specialises a call that is made often, and then overlooks the client's error.
    """
    topic = world.settings.topic("alerts")
    with RawProducer(kafka.bootstrap_servers) as raw:
        raw.put(RawRecord(topic, 0, b"k", None, HEADERS))
        raw.put(RawRecord(topic, 0, b"k", None, [(b"\xff", None), (b"\xfe", b"2"), (b"a", b"1")]))
        raw.put(RawRecord(topic, 0, b"k", None))
        for _ in range(_OFTEN):
            raw.put(RawRecord(topic, 0, b"k", None, [(b"\xff", b"1"), (b"\xfe", b"2")]))
        raw.flush()
    reader = Consumer({**world.settings.client("consumer"), "group.id": "strangers"})
    reader.assign([TopicPartition(topic, 0, 0)])
    one, two, three = reader.consume(3, 20)
    for _ in range(3):
        assert headers_of(one) == [("a", b"1"), (r"\xff\xfeé", b"2"), ("", b""), ("b", None)]
        assert headers_of(two) == [(r"\x??", None), (r"\x??", b"2"), ("a", b"1")]
        assert headers_of(three) == []
    others = reader.consume(_OFTEN, 20)
    assert [headers_of(other) for other in others] == [[(r"\x??", b"1"), (r"\x??", b"2")]] * _OFTEN
    reader.close()
