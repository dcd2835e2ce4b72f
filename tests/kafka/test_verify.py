"""The sum read off a real broker: it adds up after a night, and every record that breaks it is named."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.avro.framing import confluent
from schemas.contract.topics import TOPICS
from streams.formats.topic_values import payload
from streams.settings import Settings
from tests.conftest import MakeSettings, Run, SettingsFile
from tests.kafka.conftest import WorkerFile
from tests.kafka.published import publish
from tests.kafka.world import World, worker
from tests.streams.logbook import Logbook, alert, callback, seconds, site
from tests.support.topics import create_kept
from tests.support.waiting import eventually

ONE = {"topics": {"partitions": 1}}


@pytest.fixture
def published(settings: MakeSettings, settings_file: SettingsFile, client_log: logging.Logger) -> Callable[..., Path]:
    """Put a logbook on the broker; the settings file that leads to it."""

    def put(book: Logbook, **how: Any) -> Path:
        made = settings(**ONE)
        create_kept(made)
        publish(book, made, client_log, **how)
        return settings_file(**ONE)

    return put


def evening() -> Logbook:
    """Alerts decided, quarantined and dead-lettered; an input that two incidents heard; a site that was deleted."""
    book = Logbook()
    book.fails = {"A2"}
    book.chunk(0, site(), site("S2"), site("S3", subscribed=False))
    book.chunk(1, alert(), alert("F1", "FIRE"), alert("A2"), alert("A3", site_id="S3"), "S2")
    book.chunk(2, callback("R1", "NOT_IDENTIFIED", "UNKNOWN"), site("S1", instructions="mind the dog"))
    return book


def verified(run: Run, file: Path) -> tuple[int, dict[str, Any], str]:
    ran = run("verify", "--settings", file, "--json")
    return ran.exit, json.loads(ran.out), ran.err


def test_values_framed_for_a_registry_that_is_not_set_are_a_fault_of_the_settings(
    published: Callable[..., Path], run: Run
) -> None:
    book = evening()
    for topic, log in book.logs.items():
        if TOPICS[topic].schema is not None and topic != "state":
            log[:] = [
                one if one.value in {None, b""} else one._replace(value=confluent(7) + payload(one.value or b""))
                for one in log
            ]
    file = published(book)
    for command in (["verify"], ["replay", "--site", "S1"]):
        ran = run(*command, "--settings", file)
        assert ran.exit == 1
        assert "registry.url is not set" in ran.err
        assert "add up" not in ran.err


def test_an_evening_adds_up(published: Callable[..., Path], run: Run) -> None:
    file = published(evening(), waiting=1)
    status, told, _ = verified(run, file)
    assert (status, told["differences"], told["found"]) == (0, 0, [])
    sums = {one["topic"]: one for one in told["topics"]}
    counts = ("inputs", "decided", "quarantined", "dead_lettered", "missing", "twice", "not_checkable", "waiting")
    assert [sums["alerts"][count] for count in counts] == [3, 2, 0, 1, 0, 0, 0, 1]
    assert [sums["call-results"][count] for count in counts] == [1, 1, 0, 0, 0, 0, 0, 0]
    (sites,) = told["sites"]
    assert (sites["sites"], sites["published"], sites["difference"]) == (3, 3, 0)
    table = run("verify", "--settings", file)
    assert (table.exit, table.err) == (0, "")
    assert "difference 0" in table.out


def test_each_record_that_does_not_add_up_is_named(published: Callable[..., Path], run: Run) -> None:
    book = evening()
    last = book.logs["decisions"][-1]
    del book.logs["decisions"][0]  # of A1
    book.logs["decisions"].append(last)  # R1 again, by the same incident
    book.logs["quarantine"].append(book.logs["quarantine"][0])  # A3 again
    letter = book.logs["dead-letters"][0]
    ghost = [(name, b"77" if name == "dlq.offset" else value) for name, value in letter.headers]
    book.logs["dead-letters"] += [letter._replace(headers=headers) for headers in (ghost, [])]
    book.append("alerts", 0, b"S1", b"never handled")
    status, told, err = verified(run, published(book, waiting=0))
    assert status == 1
    found = {(one["wrong"], one["topic"], one["offset"]) for one in told["found"]}
    assert found == {
        ("MISSING", "alerts", 0),
        ("TWICE", "call-results", 0),
        ("TWICE", "alerts", 3),
        ("MISSING", "alerts", 4),
        ("UNREADABLE", "dead-letters", 2),
    }
    assert told["differences"] == 5
    assert "alerts-0-0: it was handled, and there is neither a decision nor" in err
    assert "dead-letters-0-2: another program wrote this record" in err
    assert "1 of them another program wrote" in err
    assert "report this with the output of `ronde replay`" in err


def test_records_of_another_program_are_called_that(published: Callable[..., Path], run: Run) -> None:
    """Nothing of ronde's is wrong, so nothing is to be reported."""
    book = evening()
    for topic in ("decisions", "quarantine", "dead-letters"):
        book.append(topic, 0, b"S1", b"of another program")
    status, told, err = verified(run, published(book))
    assert status == 1
    assert {(one["wrong"], one["topic"]) for one in told["found"]} == {
        ("UNREADABLE", "decisions"),
        ("UNREADABLE", "quarantine"),
        ("UNREADABLE", "dead-letters"),
    }
    assert "3 of them another program wrote, or a newer release" in err
    assert "report this" not in err


def test_a_site_whose_current_record_has_no_readiness_is_named(published: Callable[..., Path], run: Run) -> None:
    book = Logbook()
    book.chunk(0, site("S1"), site("S2"), site("S3"), site("S4"))
    book.chunk(1000, site("S2", subscribed=False), site("S3"), "S4")
    told = {record.key: number for number, record in enumerate(book.logs["readiness"]) if number >= 4}
    for number in sorted([*told.values(), 0], reverse=True):
        del book.logs["readiness"][number]
    status, verdict, err = verified(run, published(book))
    assert status == 1
    assert {(one["wrong"], one["offset"]) for one in verdict["found"]} == {
        ("NO_READINESS", 0),
        ("OTHER_READINESS", 4),
        ("OLDER_READINESS", 5),
        ("OTHER_READINESS", 6),
    }
    assert "sites-0-0: the site has no readiness record" in err


def test_what_retention_deleted_is_not_checkable_and_not_missing(
    published: Callable[..., Path], run: Run, settings: MakeSettings
) -> None:
    book = Logbook()
    book.chunk(0, site(), site("S2", subscribed=False))
    book.chunk(10, alert("A1"), alert("B1", site_id="S2"))
    book.chunk(20, alert("A2"), alert("B2", site_id="S2"))
    book.chunk(30, alert("A3"), alert("A4"))
    book.chunk(40, alert("A5"))
    del book.logs["decisions"][3]  # of A4, which nothing explains
    file = published(book)
    made = settings(**ONE)
    admin = AdminClient(made.client("admin"))
    deleted = [TopicPartition(made.topic("decisions"), 0, 1), TopicPartition(made.topic("quarantine"), 0, 1)]
    for answer in admin.delete_records(deleted).values():
        answer.result()
    status, told, _ = verified(run, file)
    sums = {one["topic"]: one for one in told["topics"]}
    assert (status, sums["alerts"]["not_checkable"], sums["alerts"]["missing"]) == (1, 2, 1)
    assert [(one["wrong"], one["offset"]) for one in told["found"]] == [("MISSING", 5)]


def test_a_bad_site_record_is_not_checkable_once_retention_has_deleted_its_dead_letter(
    published: Callable[..., Path], run: Run, settings: MakeSettings
) -> None:
    book = Logbook()
    book.dead_letter(book.append("sites", seconds(0), b"S1", b"poison"), seconds(0), "UNDECODABLE")
    file = published(book)
    delete_a_dead_letter(settings(**ONE))
    status, told, _ = verified(run, file)
    (sites,) = told["sites"]
    assert (status, told["found"], sites["sites"], sites["not_checkable"]) == (0, [], 1, 1)
    assert "1 not checkable" in run("verify", "--settings", file).out


def test_of_sites_without_readiness_as_many_are_not_checkable_as_dead_letters_were_deleted(
    published: Callable[..., Path], run: Run, settings: MakeSettings
) -> None:
    book = Logbook()
    book.dead_letter(book.append("sites", seconds(0), b"S1", b"poison"), seconds(0), "UNDECODABLE")
    book.chunk(1, site("S2"), site("S3"))
    book.logs["readiness"].clear()
    file = published(book)
    delete_a_dead_letter(settings(**ONE))
    status, told, err = verified(run, file)
    assert (status, told["sites"][0]["not_checkable"]) == (1, 1)
    assert [(one["wrong"], one["offset"]) for one in told["found"]] == [("NO_READINESS", 1), ("NO_READINESS", 2)]
    assert "sites-0-1: the site has no readiness record" in err


def delete_a_dead_letter(made: Settings) -> None:
    """As retention does."""
    admin = AdminClient(made.client("admin"))
    for answer in admin.delete_records([TopicPartition(made.topic("dead-letters"), 0, 1)]).values():
        answer.result()


@pytest.mark.soak  # tests/faults/test_storm.py looks at the same after more than a kill
def test_it_adds_up_while_a_worker_works_and_after_it_was_killed(
    world: World, worker_file: WorkerFile, run: Run
) -> None:
    file = worker_file("a")
    homes = [world.site_in(number % 4, f"site{number}") for number in range(12)]
    for home in homes:
        world.site(home)
    with worker(file) as process:
        process.wait_ready()
        for number in range(120):
            world.alert(homes[number % 12], f"A{number}")
            if number == 60:
                told = json.loads(run("verify", "--settings", file, "--json").out)
                assert told["differences"] == 0
        world.put("alerts", b"poison", homes[0])
        world.alert("nobody", "A1")
        process.kill()
    after_death = run("verify", "--settings", file)
    assert after_death.exit == 0, after_death.err
    with worker(worker_file("b")) as process:
        process.wait_ready()
        eventually(lambda: _inputs(run, file)["waiting"] == 0, "all inputs are handled")
        assert process.stop() == 0
    total = _inputs(run, file)
    assert (total["inputs"], total["dead_lettered"], total["quarantined"]) == (122, 1, 1)
    assert total["decided"] == 120


def _inputs(run: Run, file: Path) -> dict[str, int]:
    """The sum over all partitions of alerts."""
    ran = run("verify", "--settings", file, "--json")
    assert ran.exit == 0, ran.err
    rows = [one for one in json.loads(ran.out)["topics"] if one["topic"] == "alerts"]
    return {name: sum(row[name] for row in rows) for name in rows[0] if name not in {"topic", "partition"}}


def test_without_topics_it_says_what_to_do(run: Run, settings_file: SettingsFile) -> None:
    ran = run("verify", "--settings", settings_file())
    assert (ran.exit, ran.out) == (1, "")
    assert "make it with `ronde topics create`" in ran.err
