"""`ronde seal` on a real Kafka: seal, export, verify, recompute; and what the process waits for."""

from __future__ import annotations

import io
import json
import logging
import runpy
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # as documented

from ronde.local.kafka import Kafka
from ronde.shared.whole_settings import WholeSettings
from ronde.views.incident.sealed_dossier import sealed_dossier
from schemas.contract.topics import Log
from seal import keys
from seal.checking import check_heads
from seal.commitments import SEALED
from seal.errors import LockedError
from seal.proofs import Place
from seal.sealing import Sealing
from seal.store import Head, Store, TreeState, connect, make_schema
from sinks.forget import erasures
from tests.conftest import Run
from tests.kafka.published import publish
from tests.kafka.raw import RawProducer, RawRecord
from tests.streams.logbook import Logbook, callback
from tests.streams.test_whatif import answer, waiting
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

# The first leaf of decisions, changed for certain.
INVERTED = """
    UPDATE seal.leaves SET hashes = set_byte(hashes, 0, 255 # get_byte(hashes, 0)) WHERE topic = 'decisions' AND n = 0
"""
# The first run of calls, without its second leaf.
CUT = (
    "UPDATE seal.leaves SET hashes = substr(hashes, 1, 32), offsets = substr(offsets, 1, 8)"
    " WHERE topic = 'calls' AND n = 0"
)


class Sealed(NamedTuple):
    """Topics with an incident in them, sealed under three heads."""

    settings: WholeSettings
    file: Path
    incident: str
    heads: list[Head]


def seal_once(settings: WholeSettings) -> Head:
    with connect(settings.postgres) as connection:
        make_schema(connection)
        sealing = Sealing(settings.for_seal(), Store(connection))
        try:
            return sealing.once()
        finally:
            sealing.close()


@pytest.fixture
def sealed(house: tuple[WholeSettings, Path], client_log: logging.Logger) -> Sealed:
    whole, file = house
    heads = [seal_once(whole)]
    book = waiting()
    incident = str(book.decisions()[0].incident_id)
    publish(book, whole, client_log)
    heads.append(seal_once(whole))
    rest = _since(book, lambda: book.chunk(700, answer("R3", f"{incident}-c2.1", "IDENTIFIED", "NORMAL")))
    publish(rest, whole, client_log)
    heads.append(seal_once(whole))
    return Sealed(whole, file, incident, heads)


def _since(book: Logbook, more: Callable[[], None]) -> Logbook:
    """Return what a chunk adds to a logbook."""
    before = {topic: len(log) for topic, log in book.logs.items()}
    more()
    rest = Logbook()
    rest.logs = {topic: log[before[topic] :] for topic, log in book.logs.items()}
    return rest


def verified(settings: WholeSettings, incident: str, folder: Path, head: Head) -> str:
    zipfile.ZipFile(io.BytesIO(sealed_dossier(settings, incident))).extractall(folder)
    verifier = runpy.run_path(str(folder / "verify.py"))
    lines = (folder / "dossier.jsonl").read_bytes().splitlines()
    key = keys.public_hex(keys.load(settings.seal.key_file))
    return "\n".join(verifier["Dossier"](lines, key, [(head.number, head.digest)]).verify())


def test_what_is_sealed_is_exported_verified_and_recomputed(
    sealed: Sealed, client_log: logging.Logger, run: Run, tmp_path: Path
) -> None:
    settings = ("--settings", sealed.file)
    assert "the last one closes" in verified(sealed.settings, sealed.incident, tmp_path / "dossier", sealed.heads[-1])
    ran = run("seal", "check", *settings)
    assert (ran.exit, ran.err) == (0, "")
    assert "3 heads" in ran.out
    last = f"{sealed.heads[-1].number}:{sealed.heads[-1].digest}"
    assert run("seal", "check", "--head", last, *settings).exit == 0
    ran = run("seal", "check", "--head", f"3:{'0' * 64}", "--head", f"9:{'0' * 64}", *settings)
    assert (ran.exit, "SECOND_TREE: head 3" in ran.err, "OLDER_HEAD: head 9" in ran.err) == (1, True, True)
    assert run("seal", "check", "--head", "3", *settings).exit == 2
    assert seal_once(sealed.settings).number == 4  # nothing new: the same roots, one head more
    exported = run("incident", "export", sealed.incident, "--sealed", "--to", tmp_path, *settings)
    assert (exported.exit, exported.err) == (0, "")
    for option in ("--since-head", "--until-head"):
        assert run("incident", "export", sealed.incident, option, "1", "--to", tmp_path, *settings).exit == 2
    ran = run("incident", "export", sealed.incident, "--sealed", "--until-head", "9", "--to", tmp_path, *settings)
    assert (ran.exit, "head 9 is not kept" in ran.err) == (1, True)
    ran = run("incident", "export", "nobody", "--sealed", *settings)
    assert (ran.exit, "has no incident nobody" in ran.err) == (1, True)

    book = waiting(5000)
    book.chunk(5100, callback("C9", "IDENTIFIED", "NORMAL"))
    publish(book, sealed.settings, client_log)
    ran = run("incident", "export", book.decisions()[0].incident_id, "--sealed", *settings)
    assert (ran.exit, "is not sealed yet" in ran.err) == (1, True)
    more = sum(len(book.logs[topic]) for topic in SEALED)
    assert f"still hold, but for {more} not sealed yet: all as sealed" in run("seal", "check", *settings).out
    assert run("seal", "key", *settings).exit == 1  # the key is there


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("alerts", "alerts-0-0, an input of the incident, is not in the topic any more"),
        ("calls", "-c1.1 is in no topic any more"),
        ("decisions", "began before the first decision that decisions-0 has"),
    ],
)
def test_an_incident_of_which_retention_took_a_record_is_not_exported(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, run: Run, topic: str, words: str
) -> None:
    settings, file = house
    book = waiting()
    publish(book, settings, client_log)
    seal_once(settings)
    admin = AdminClient(settings.client("admin"), logger=client_log)
    for deleted in admin.delete_records([TopicPartition(settings.topic(topic), 0, 1)]).values():
        deleted.result()
    ran = run("incident", "export", book.decisions()[0].incident_id, "--sealed", "--settings", file)
    assert (ran.exit, words in ran.err) == (1, True), ran.err
    assert run("seal", "check", "--settings", file).exit == 0, "what is left is as sealed"


def test_each_change_of_the_kept_tree_is_named(sealed: Sealed, run: Run) -> None:
    def check() -> str:
        ran = run("seal", "check", "--settings", sealed.file)
        assert ran.exit == 1
        return str(ran.err)

    with connect(sealed.settings.postgres) as connection:
        changes = (
            (INVERTED,
             ("SECOND_TREE: decisions-0", "ALTERED: decisions-0-0")),
            (CUT,
             ("SECOND_TREE: calls-0", "MISSING: calls-0-1 is in the topic, and was not sealed")),
            ("UPDATE seal.leaves SET offsets = substr(offsets, 1, 7) || '\\x63' WHERE topic = 'alerts'",
             ("MISSING: alerts-0-0 is in the topic",)),
            ("DELETE FROM seal.heads WHERE number = 2", ("OLDER_HEAD: head 3 does not follow",)),
            ("UPDATE seal.heads SET signature = '\\x00' WHERE number = 3", ("FORGED_HEAD: head 3",)),
        )  # fmt: skip
        for statement, words in changes:
            with connection.transaction(force_rollback=False):
                connection.execute("CREATE SCHEMA IF NOT EXISTS spare")
                for table in ("leaves", "heads"):
                    connection.execute(f"CREATE TABLE spare.{table} AS SELECT * FROM seal.{table}")
            assert connection.execute(statement).rowcount == 1, statement
            told = check()
            for word in words:
                assert word in told, (statement, told)
            with connection.transaction():
                for table in ("leaves", "heads"):
                    connection.execute(f"TRUNCATE seal.{table}")
                    connection.execute(f"INSERT INTO seal.{table} SELECT * FROM spare.{table}")
                    connection.execute(f"DROP TABLE spare.{table}")
    assert run("seal", "check", "--settings", sealed.file).exit == 0


def test_a_partition_that_is_not_sealed_is_found(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, run: Run
) -> None:
    settings, file = house
    seal_once(settings)
    admin = AdminClient(settings.client("admin"), logger=client_log)
    for made in admin.create_partitions([NewPartitions(settings.topic(topic), 2) for topic in SEALED]).values():
        made.result()
    producer = Producer(settings.client("producer"), logger=client_log)
    producer.produce(settings.topic("alerts"), b"?", b"S1", 1)
    producer.flush()
    ran = run("seal", "check", "--settings", file)
    assert (ran.exit, "MISSING: alerts-1 has 1 records, and none was ever sealed" in ran.err) == (1, True), ran.err
    ran = run("seal", "--once", "--settings", file)
    assert (ran.exit, "has 2 partitions, and topics.partitions is 1" in ran.err) == (1, True), ran.err


def test_one_process_seals_and_it_reads_erasures_of_a_topic_that_is_made_later(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = house
    monkeypatch.setattr("seal.sealing._LOOK_SECONDS", 0.2)
    book = waiting()
    publish(book, settings, client_log)
    with connect(settings.postgres) as connection, connect(settings.postgres) as second:
        make_schema(connection)
        store = Store(connection)
        sealing = Sealing(settings.for_seal(), store)
        give_up = time.monotonic() + 60
        steps = [
            lambda: store.trees().get(("decisions", 0), TreeState(0, 0)).size == len(book.logs["decisions"]),
            lambda: ("S1", "ann") in store.erased,
        ]

        def is_over() -> bool:
            if steps[0]() or time.monotonic() > give_up:
                steps.pop(0)
                if steps:
                    with pytest.raises(LockedError, match="another `ronde seal`"):
                        Store(second).lock()
                    assert seal_once(settings).number == 2, "signed beside the process that seals"
                    _erase(settings, "ann", client_log)
            return not steps

        sealing.run(is_over)
        sealing.close()
        assert time.monotonic() < give_up
        assert [*check_heads(store)] == []
        assert store.secret("S1", "", Place("calls", 0, 0, 0)) is not None
        owners = connection.execute("SELECT contact_id FROM seal.secrets ORDER BY 1").fetchall()
        assert owners == [("",), ("bob",)]


def test_a_log_is_read_to_its_end_before_an_open_transaction_and_behind_one_that_was_aborted(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = house
    monkeypatch.setattr("seal.sealing._LOOK_SECONDS", 0.0)
    log = ("alerts", 0)
    producer = Producer({**settings.client("producer"), "transactional.id": "alerts"}, logger=client_log)
    producer.init_transactions(30)
    for end in (producer.commit_transaction, lambda _: producer.flush()):
        producer.begin_transaction()
        producer.produce(settings.topic(log[0]), b"?", b"S1", log[1])
        end(30)
    with connect(settings.postgres) as connection:
        make_schema(connection)
        sealing = Sealing(settings.for_seal(), Store(connection))
        compared: list[Mapping[Log, int]] = []
        behind = sealing._progress.behind

        def compare(found: Mapping[Log, int]) -> list[Log]:
            compared.append(found)
            return behind(found)

        monkeypatch.setattr(sealing._progress, "behind", compare)
        give_up = time.monotonic() + 60
        ends = [2, 4]  # each transaction has a record and a marker

        def is_over() -> bool:
            lag = sealing.metrics.lag.labels(log[0])._value.get()
            if (compared and compared[-1][log] == ends[0] and lag == 0) or time.monotonic() > give_up:
                ends.pop(0)
                if ends:
                    producer.abort_transaction(30)
            return not ends

        sealing.run(is_over)
        sealing.close()
        assert time.monotonic() < give_up
        assert Store(connection).trees()[log] in {TreeState(1, 2), TreeState(1, 4)}, "one record, and behind a marker"


def _erase(settings: WholeSettings, contact: str, log: logging.Logger) -> None:
    erasures.create_topic(settings.for_sink())
    producer = Producer(settings.client("producer"), logger=log)
    for value in (
        b"[" * 10_000, b"1", b'{"erased_at": 5}', b'{"erased_at": "2026-01-01", "site_id": 5}',
        b'{"erased_at": "2026-01-01T00:00:00Z"}', b'{"erased_at": "2026-01-01T00:00:00Z", "site_id": "\\ud800\\u0000"}',
        json.dumps({"site_id": "S1", "contact_id": contact, "erased_at": "2030-01-01T00:00:00Z"}).encode(),
    ):  # fmt: skip
        producer.produce(f"{settings.prefix}erasures", value, b"k")
    producer.flush()


def test_what_is_erased_is_withheld_before_the_process_that_seals_has_read_it(
    sealed: Sealed, client_log: logging.Logger, run: Run, tmp_path: Path
) -> None:
    phone = b"+33612345600".hex()

    def exported() -> str:
        ran = run("incident", "export", sealed.incident, "--sealed", "--to", tmp_path, "--settings", sealed.file)
        assert (ran.exit, ran.err) == (0, "")
        return zipfile.ZipFile(tmp_path / f"{sealed.incident}.zip").read("dossier.jsonl").decode()

    assert phone in exported()
    _erase(sealed.settings, "ann", client_log)
    withheld = exported()
    assert phone not in withheld
    seal_once(sealed.settings)
    assert exported().count('null, null, "') == withheld.count('null, null, "'), "the same, once it has"
    _erase(sealed.settings, "", client_log)
    ran = run("incident", "export", sealed.incident, "--sealed", "--to", tmp_path, "--settings", sealed.file)
    assert (ran.exit, "its site was erased" in ran.err) == (1, True)


def test_any_record_is_sealed(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, run: Run, kafka: Kafka
) -> None:
    """No record stops the seal, of any bytes."""
    settings, file = house
    good = waiting().logs["alerts"][0].value or b""
    producer = Producer(settings.client("producer"), logger=client_log)
    for topic in ("alerts", "call-results"):
        for key, value in (
            (None, None), (b"\0", b""), (b"\xff", b"\x00\x00\x00\x00\x09x"), (b"k" * 5000, good), (b"S1", good[:10]),
            (b"S1", good[:10] + b"\xff" * 100_000), (b"S1", good + b"\0"), (b"S1", b"\xc3\x01"),
        ):  # fmt: skip
            producer.produce(settings.topic(topic), value, key, 0, headers=[("a", None), ("b", b"\xff")])
    producer.flush()
    with RawProducer(kafka.bootstrap_servers) as raw:
        for headers in ([(b"\xff\xc3\xa9", b"1")], [(b"\xff", b"1"), (b"a", None), (b"\xfe", b"2")]):
            raw.put(RawRecord(settings.topic("alerts"), 0, b"S1", good, headers))
        raw.flush()
    ran = run("seal", "--once", "--settings", file)
    assert (ran.exit, ran.out.startswith("head 1:")) == (0, True), ran.err
    assert run("seal", "check", "--settings", file).exit == 0


def test_the_process_shows_what_it_does_and_waits_for_postgres(
    house: tuple[WholeSettings, Path], client_log: logging.Logger, tmp_path: Path
) -> None:
    settings, file = house
    book = waiting()
    publish(book, settings, client_log)
    process = RondeProcess("seal", ["seal", "--settings", file], tmp_path / "seal.log")
    process.start()
    try:
        process.wait_ready()
        eventually(
            lambda: process.metric("ronde_seal_records_total", topic="decisions") == len(book.logs["decisions"]),
            "the decisions are sealed",
        )
        eventually(lambda: process.metric("ronde_seal_lag_seconds", topic="decisions") == 0, "no lag")
        assert process.metric("ronde_seal_ready") == 1
        second = RondeProcess("seal", ["seal", "--settings", file], tmp_path / "second.log")
        second.start()
        assert second.wait() == 1
        assert "another `ronde seal` writes this schema" in second.said()
        with connect(settings.postgres) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        eventually(lambda: process.metric("ronde_seal_failures_total", thing="postgres") >= 1, "it notices")
        eventually(lambda: process.page("ready")[0] == 200, "it seals again")
        publish(waiting(5000), settings, client_log)
        head = seal_once(settings)  # which waits until the process has sealed what came later
        (sealed,) = (tree[2] for tree in json.loads(head.body)["trees"] if tree[0] == "decisions")
        assert sealed == 2 * len(book.logs["decisions"])
        assert process.stop() == 0
    finally:
        process.kill()
