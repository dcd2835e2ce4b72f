"""`ronde sites`: a file of sites is judged line by line, and loaded where Kafka's own partitioner puts it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.contract.murmur2 import partition
from streams.escalation.values import Site
from streams.formats.codec import Codec
from streams.kafka.topics import create
from streams.settings import Settings, load
from tests.conftest import Run, SettingsFile
from tests.streams.scenarios import ADDRESS, CONTACTS

AT = "2026-01-01T00:00:00.000Z"
READY: dict[str, Any] = {
    "site_id": "S1",
    "subscribed": True,
    "contacts": CONTACTS,
    "address": ADDRESS,
    "updated_at": AT,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sites.jsonl"


def write(file: Path, *lines: Any) -> None:
    """Bytes as they are, anything else as JSON."""
    file.write_bytes(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )


def bare(site_id: str, **fields: Any) -> dict[str, Any]:
    return {**READY, "site_id": site_id, **fields}


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in READY.items() if field != name}


# --- check ----------------------------------------------------------------------------------------


def test_each_site_is_told_what_it_lacks(run: Run, file: Path) -> None:
    write(
        file,
        bare("S1"),
        bare("S2", contacts=[], address=None),
        bare("S3", subscribed=False),
        bare("S4", contacts=[*CONTACTS, {"contact_id": "eve", "role": "EXTERNAL", "phone": "+33612345603"}]),
    )
    done = run("sites", "check", file)

    assert done.exit == 0
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "line site readiness missing warnings",
        "1 S1 ready",
        "2 S2 ! needs attention FIRST_CONTACT",
        "POSTAL_ADDRESS",
        "3 S3 not subscribed",
        "4 S4 ready CONTACT_3_PASSWORD",
        "CONTACT_3_NAME",
        "4 sites, 2 ready, 1 need attention, 1 not subscribed, 1 with warnings, 0 bad lines",
    ]


def test_bad_lines_are_named_with_their_reason_and_fail_the_check(run: Run, file: Path) -> None:
    write(
        file,
        bare("S1"),
        b"{",
        b"",
        b'"\xff"',
        b"null",
        without("updated_at"),
        bare("S2", contacts=[{"contact_id": "ann", "role": "CAT"}]),
        bare(""),
        bare("S" * 129),
        bare("S3", instructions="x" * 8193),
        bare("S4", updated_at="2026-01-01T00:00:00"),
    )
    done = run("sites", "check", file)

    told = [line for line in done.out.splitlines() if line.startswith("line ") and "site " not in line[:12]]
    assert [line.split(": ", 2)[:2] for line in told] == [
        ["line 2", "UNDECODABLE"],
        ["line 4", "UNDECODABLE"],
        ["line 5", "UNDECODABLE"],
        ["line 6", "UNDECODABLE"],
        ["line 7", "UNDECODABLE"],
        ["line 8", "EMPTY_ID"],
        ["line 9", "TOO_LONG"],
        ["line 10", "TOO_LONG"],
        ["line 11", "UNDECODABLE"],
    ]
    assert "updated_at: is missing" in done.out
    assert "contacts[0].role: none of OWNER, MEMBER, EXTERNAL" in done.out
    assert "1 sites, 1 ready, 0 need attention, 0 not subscribed, 0 with warnings, 9 bad lines" in done.out
    assert done.exit == 1
    assert "9 lines are no sites" in done.err


def test_a_site_that_stands_twice_is_worth_a_warning(run: Run, file: Path) -> None:
    write(file, bare("S1"), bare("S2"), bare("S1", subscribed=False), bare("S1"))
    done = run("sites", "check", file)

    assert done.exit == 0
    assert "warning: site S1 stands in lines 1, 3, 4; the last one counts" in done.out


def test_a_program_gets_json(run: Run, file: Path) -> None:
    write(file, bare("S1"), b"{", bare("S2", contacts=[]), bare("S1"))
    done = run("sites", "check", file, "--json")

    ready = {
        "site_id": "S1",
        "subscribed": True,
        "ready": True,
        "needs_attention": False,
        "missing": [],
        "warnings": [],
    }
    assert json.loads(done.out) == {
        "sites": [
            {"line": 1, **ready},
            {
                "line": 3,
                **ready,
                "site_id": "S2",
                "ready": False,
                "needs_attention": True,
                "missing": ["FIRST_CONTACT"],
            },
            {"line": 4, **ready},
        ],
        "bad": [{"line": 2, "reason": "UNDECODABLE", "error": json.loads(done.out)["bad"][0]["error"]}],
        "doubts": [],
        "repeated": [{"site_id": "S1", "lines": [1, 4]}],
        "totals": {
            "sites": 3,
            "ready": 2,
            "need_attention": 1,
            "not_subscribed": 0,
            "with_warnings": 0,
            "bad_lines": 1,
        },
    }
    assert done.exit == 1


def test_of_many_sites_only_those_with_something_to_tell_are_listed(run: Run, file: Path) -> None:
    write(file, *(bare(f"S{number}", address=None if number == 700 else ADDRESS) for number in range(1001)))
    done = run("sites", "check", file)

    assert done.out.startswith("1,000 complete sites are not listed; --json lists all")
    assert " ".join(done.out.splitlines()[2].split()) == "701 S700 ! needs attention POSTAL_ADDRESS"
    assert len(json.loads(run("sites", "check", file, "--json").out)["sites"]) == 1001


def test_names_of_sites_are_not_markup(run: Run, file: Path) -> None:
    write(file, bare("[red]S1[/]"))

    assert "[red]S1[/]" in run("sites", "check", file).out


def test_a_file_that_cannot_be_read_is_wrong_use(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        done = run("sites", "check", path)
        assert done.exit == 2
        assert str(path) in done.err


# --- import ---------------------------------------------------------------------------------------


def on_broker(settings: Settings) -> Iterator[tuple[int, bytes, Site]]:
    """What the sites topic holds: partition, key, site; each partition in order."""
    consumer = Consumer({**settings.client("consumer"), "group.id": "reads", "auto.offset.reset": "earliest"})
    topic = settings.topic("sites")
    try:
        for number in range(settings.topics.partitions):
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
            consumer.assign([TopicPartition(topic, number, 0)])
            for message in consumer.consume(end, timeout=10):
                if message.error():
                    raise KafkaException(message.error())
                value, key = message.value(), message.key()
                assert isinstance(value, bytes)
                assert isinstance(key, bytes)
                yield number, key, Codec().decode_site(value)
    finally:
        consumer.close()


@pytest.fixture
def settings(settings_file: SettingsFile) -> Path:
    return settings_file()


def test_good_lines_are_loaded_and_bad_ones_named(run: Run, file: Path, settings: Path) -> None:
    in_force = load(settings, {})
    create(in_force)
    names = [f"S{number}" for number in range(40)]
    write(file, *map(bare, names), b"{", bare("S7", instructions="the last one counts"), without("updated_at"))

    done = run("sites", "import", file, "--settings", settings, "--json")

    told = json.loads(done.out)
    assert told["loaded"] == 41
    assert [(bad["line"], bad["reason"]) for bad in told["bad"]] == [(41, "UNDECODABLE"), (43, "UNDECODABLE")]
    assert told["repeated"] == [{"site_id": "S7", "lines": [8, 42]}]
    assert done.exit == 1

    last = {}
    for number, key, site in on_broker(in_force):
        assert site.site_id.encode() == key
        assert number == partition(key, in_force.topics.partitions)
        last[site.site_id] = site
    assert sorted(last) == sorted(names)
    assert last["S7"].instructions == "the last one counts"
    assert [contact.contact_id for contact in last["S8"].contacts] == ["ann", "bob"]


def test_a_person_reads_counts(run: Run, file: Path, settings: Path) -> None:
    in_force = load(settings, {})
    create(in_force)
    write(file, bare("S1"), bare("S2"))

    done = run("sites", "import", file, "--settings", settings)

    assert done.exit == 0
    assert done.out == f"2 sites loaded into {in_force.topic('sites')}, 0 bad lines left out\n"


def test_a_site_larger_than_a_record_is_a_bad_line(run: Run, file: Path, settings: Path) -> None:
    create(load(settings, {}))
    large = [{**CONTACTS[0], "first_name": "x" * 8000} for _ in range(130)]
    write(file, bare("S1"), bare("S2", contacts=large), bare("S3"))

    done = run("sites", "import", file, "--settings", settings, "--json")

    told = json.loads(done.out)
    assert told["loaded"] == 2
    assert [(bad["line"], bad["reason"]) for bad in told["bad"]] == [(2, "TOO_LONG")]


def test_a_missing_topic_is_named(run: Run, file: Path, settings: Path) -> None:
    write(file, bare("S1"))

    done = run("sites", "import", file, "--settings", settings)

    assert done.exit == 1
    assert load(settings, {}).topic("sites") in done.err
    assert "ronde topics create" in done.err
