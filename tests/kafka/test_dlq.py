"""Dead letters on a real broker: found, shown without what is personal, put back once, or discarded once."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas.avro.records import encode
from schemas.contract.topics import INPUT_BYTES, OWN_BYTES
from streams.dlq.fenced_producer import FencedError, FencedProducer, Outgoing
from streams.dlq.settlement import Settlement
from streams.formats.message import Headers
from streams.kafka.dead_letters import LetterId, note_headers, parse_id
from tests.conftest import Run
from tests.kafka.conftest import WorkerFile
from tests.kafka.letters import put_away, put_away_headers, reading, records, settled
from tests.kafka.world import World, now_ms, worker
from tests.support.waiting import eventually

SECRETS = ("Ann", "Martin", "+33612345678", "$argon2id$", "rue des Lilas", "Cluses", "mind the dog", "Bearer xyz")


@pytest.fixture
def file(world: World, worker_file: WorkerFile) -> Path:
    """The settings that lead to the world's topics."""
    return worker_file("dlq")


def alert(site: str, name: str = "A1") -> bytes:
    return encode("Alert", {"alert_id": name, "site_id": site, "kind": "INTRUSION", "raised_at": now_ms()})


def put_away_by_worker(world: World, key: str, value: bytes) -> str:
    """The same with a producer that takes records as large as a worker's does; its id."""
    topic, home = world.settings.topic("dead-letters"), world.home(key)
    letter = Outgoing(topic, home, key.encode(), value, put_away_headers("alerts", home))
    (place,) = FencedProducer(world.settings, "worker").commit([letter])
    return f"{place.partition}-{place.offset}"


class Dying:
    """A producer whose process ends just before it commits."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def commit_transaction(self, _seconds: float) -> None:
        raise SystemExit


# --- looking ----------------------------------------------------------------------------------------


def test_letters_are_listed_and_counted_by_what_is_asked_for(world: World, run: Run, file: Path) -> None:
    failed = put_away(world, "S1", alert("S1"))
    poison = put_away(
        world, "S2", b"poison", topic="call-results", reason="UNDECODABLE", error="the data ends too early"
    )
    state = put_away(world, "S1", b"old", topic="state", reason="UNDECODABLE")

    def listed(*options: str) -> set[str]:
        ran = run("dlq", "list", *options, "--settings", file, "--json")
        assert (ran.exit, ran.err) == (0, "")
        return {one["id"] for one in json.loads(ran.out)["letters"]}

    assert listed() == {failed, poison, state}
    assert listed("--reason", "UNDECODABLE") == {poison, state}
    assert listed("--topic", "alerts") == {failed}
    assert listed("--site", "S1") == {failed, state}
    assert listed("--since", "1h") == {failed, poison, state}
    assert listed("--until", "1h") == set()
    assert listed("--since", "2099-01-01T00:00:00Z") == set()

    told = json.loads(run("dlq", "list", "--settings", file, "--json").out)
    assert told["counts"] == [
        {"reason": "FAILED", "topic": "alerts", "open": 1, "replayed": 0, "discarded": 0},
        {"reason": "UNDECODABLE", "topic": "call-results", "open": 1, "replayed": 0, "discarded": 0},
        {"reason": "UNDECODABLE", "topic": "state", "open": 1, "replayed": 0, "discarded": 0},
    ]
    table = run("dlq", "list", "--settings", file).out
    for text in (failed, poison, state, f"state-{world.home('S1')}-7", "the data"):
        assert text in table


def test_a_letter_is_shown_whole_but_what_is_personal_only_to_who_asks(world: World, run: Run, file: Path) -> None:
    contact = {"contact_id": "c1", "role": "OWNER", "first_name": "Ann", "last_name": "Martin", "phone": "+33612345678"}
    value = {
        "site_id": "S1",
        "subscribed": True,
        "contacts": [{**contact, "password_hash": "$argon2id$x"}],
        "address": {"line1": "1 rue des Lilas", "postal_code": "74300", "city": "Cluses", "country": "FR"},
        "instructions": "mind the dog",
        "updated_at": 0,
    }
    error = (
        'Traceback (most recent call last):\n  File "/app/streams/decide.py", line 7, in _site\n    step = core(x)\n'
        "ValueError: Ann Martin\nlives at 1 rue des Lilas\n"
    )
    headers: Headers = [("authorization", b"Bearer xyz"), ("empty", None)]
    name = put_away(world, "S1", encode("Site", value), topic="sites", headers=headers, error=error)
    for as_json in ([], ["--json"]):
        told = run("dlq", "show", name, "--settings", file, *as_json)
        assert told.exit == 0
        assert not [secret for secret in SECRETS if secret in told.out]
        assert all(word in told.out for word in ("authorization", "c1", "OWNER", "decide.py:7 _site", "ValueError"))
        everything = run("dlq", "show", name, "--settings", file, "--personal", *as_json).out
        assert not [secret for secret in SECRETS if secret not in everything]
    shown = json.loads(run("dlq", "show", name, "--settings", file, "--json").out)
    assert shown["value"]["decoded"]["contacts"][0]["first_name"] == "(hidden)"
    assert shown["value"]["decoded"]["contacts"][0]["duress_hash"] is None
    assert (shown["topic"], shown["partition"], shown["offset"]) == ("sites", world.home("S1"), 7)


def test_bytes_that_do_not_decode_are_shown_by_length_and_header(world: World, run: Run, file: Path) -> None:
    framed = put_away(world, "S1", b"\0\0\0\0\x2aAnn Martin", reason="UNDECODABLE")
    shown = json.loads(run("dlq", "show", framed, "--settings", file, "--json").out)
    assert shown["value"] == {"bytes": 15, "hex": "000000002a", "hidden_bytes": 10}
    shown = json.loads(run("dlq", "show", framed, "--settings", file, "--json", "--personal").out)
    assert bytes.fromhex(shown["value"]["hex"]) == b"\0\0\0\0\x2aAnn Martin"
    nothing = put_away(world, "S1", None, reason="UNDECODABLE")
    assert json.loads(run("dlq", "show", nothing, "--settings", file, "--json").out)["value"] is None


def test_a_terminal_obeys_no_stranger(world: World, run: Run, file: Path) -> None:
    name = put_away(world, "S1\x1b[2J", b"x\x1b[2J", reason="KEY_MISMATCH", error="\x1b]0;hello\x07 [bold]")
    for ran in (run("dlq", "list", "--settings", file), run("dlq", "show", name, "--settings", file)):
        assert "\x1b" not in ran.out
        assert "[bold]" in ran.out


# --- putting back -----------------------------------------------------------------------------------


def test_a_letter_is_put_back_as_it_came_where_it_belongs_and_once(world: World, run: Run, file: Path) -> None:
    value = alert("S1")
    elsewhere = (world.home("S1") + 1) % 4
    headers: Headers = [("trace", b"1"), ("trace", None), ("dlq.replayed-from", b"3-3")]
    name = put_away(world, "S1", value, reason="WRONG_PARTITION", headers=headers, number=elsewhere)

    ran = run("dlq", "replay", name, "--settings", file)
    assert (ran.exit, ran.out.splitlines()[-1]) == (0, "1 replayed")
    (record,) = records(world, "alerts")
    assert (record.partition, record.key, record.value) == (world.home("S1"), b"S1", value)
    assert record.headers == [("trace", b"1"), ("trace", None), ("dlq.replayed-from", name.encode())]

    assert settled(run, "replay", name, "--settings", file) == {name: "already replayed"}
    assert run("dlq", "replay", "--reason", "WRONG_PARTITION", "--yes", "--settings", file).exit == 0
    assert len(records(world, "alerts")) == 1
    assert json.loads(run("dlq", "list", "--settings", file, "--json").out)["letters"] == []
    (told,) = json.loads(run("dlq", "list", "--all", "--settings", file, "--json").out)["letters"]
    assert told["settled"]["to"] == f"alerts-{record.partition}-{record.offset}"
    (letter, note) = records(world, "dead-letters")
    assert (note.partition, note.key, note.value) == (letter.partition, letter.key, None)
    assert not [header for header, _ in note.headers if header == "dlq.topic"], "nobody counts a note as a letter"


def test_letters_that_fit_are_put_back_in_their_order(world: World, run: Run, file: Path) -> None:
    for number in range(250):
        put_away(world, f"S{number % 3}", alert(f"S{number % 3}", f"A{number}"))
    other = put_away(world, "S1", b"x", reason="UNDECODABLE")
    ran = run("dlq", "replay", "--reason", "FAILED", "--settings", file)
    assert ran.exit == 2
    assert "250 dead letters would be put back: say --yes" in ran.err
    ran = run("dlq", "replay", "--reason", "FAILED", "--yes", "--settings", file)
    assert (ran.exit, ran.out.splitlines()[-1]) == (0, "250 replayed")
    put_back = [parse_id(str(record.headers[-1][1], "ascii")) for record in records(world, "alerts")]  # type: ignore[arg-type]
    assert len({*put_back}) == 250
    for number in range(4):
        offsets = [one.offset for one in put_back if one.partition == number]
        assert offsets == sorted(offsets)
    listed = json.loads(run("dlq", "list", "--settings", file, "--json").out)["letters"]
    assert [one["id"] for one in listed] == [other]


def test_a_state_record_is_not_put_back(world: World, run: Run, file: Path) -> None:
    name = put_away(world, "S1", b"x", topic="state", reason="UNDECODABLE")
    ran = run("dlq", "replay", name, "--settings", file)
    assert ran.exit == 1
    assert "only inputs are put back" in ran.out
    assert run("dlq", "replay", "--topic", "state", "--yes", "--settings", file).exit == 0
    assert len(records(world, "dead-letters")) == 1


def test_a_letter_that_its_mark_makes_too_large_is_told_and_the_others_go(world: World, run: Run, file: Path) -> None:
    large = put_away_by_worker(world, "S1", b"x" * (INPUT_BYTES - 90))
    small = put_away(world, "S1", alert("S1"))
    assert settled(run, "replay", large, small, "--settings", file) == {large: "too large", small: "replayed"}
    assert run("dlq", "replay", large, "--settings", file).exit == 1
    assert len(records(world, "alerts")) == 1


def test_letters_that_are_not_there_are_named(world: World, run: Run, file: Path) -> None:
    ran = run("dlq", "replay", "0-77", "9-0", "--settings", file)
    assert ran.exit == 1
    assert "0-77 is not there" in ran.out
    assert "9-0 is not there" in ran.out
    assert run("dlq", "show", "0-77", "--settings", file).exit == 1
    for wrong in (["replay", "7"], ["show", "1-1-1"], ["replay"], ["replay", "0-0", "--reason", "FAILED"]):
        assert run("dlq", *wrong, "--settings", file).exit == 2
    ran = run("dlq", "list", "--reason", "BAD", "--settings", file)
    assert (ran.exit, "there are UNDECODABLE, KEY_MISMATCH" in ran.err) == (2, True)
    assert run("dlq", "list", "--since", "999999d", "--settings", file).exit == 0, "Kafka has nothing before 1970"
    ran = run("dlq", "list", "--since", "yesterday", "--settings", file)
    assert (ran.exit, "2h for two hours ago" in ran.err) == (2, True)


# --- discarding -------------------------------------------------------------------------------------


def test_a_discarded_letter_says_who_and_why_and_is_never_put_back(world: World, run: Run, file: Path) -> None:
    name, other = (put_away(world, "S1", alert("S1", alert_id)) for alert_id in ("A1", "A2"))
    ran = run("dlq", "discard", name, "--why", "a test of the installer", "--who", "Zoé", "--settings", file)
    assert (ran.exit, ran.out.splitlines()) == (0, [f"{name} discarded", "1 discarded"])
    assert settled(run, "replay", name, other, "--settings", file) == {name: "already discarded", other: "replayed"}
    assert settled(run, "discard", name, other, "--why", "x", "--who", "y", "--settings", file) == {
        name: "already discarded",
        other: "already replayed",
    }
    assert len(records(world, "alerts")) == 1
    shown = json.loads(run("dlq", "show", name, "--settings", file, "--json").out)
    assert shown["state"] == "discarded"
    assert (shown["settled"]["who"], shown["settled"]["why"]) == ("Zoé", "a test of the installer")
    table = run("dlq", "list", "--all", "--settings", file).out
    assert "discarded" in table
    assert run("dlq", "discard", name, "--why", " ", "--who", "y", "--settings", file).exit == 2


def test_a_letter_without_room_for_a_note_is_named_and_the_others_go(world: World, run: Run, file: Path) -> None:
    large, small = put_away_by_worker(world, "k" * (OWN_BYTES - 500), b""), put_away(world, "S1", alert("S1"))
    arguments = ("discard", large, small, "--who", "y", "--settings", file, "--why")
    assert settled(run, *arguments, "x" * 1000) == {large: "note too large", small: "discarded"}
    ran = run("dlq", *arguments, "x" * 1000)
    assert (ran.exit, "say --why and --who in fewer words" in ran.out) == (1, True), ran
    assert settled(run, *arguments, "x") == {large: "discarded", small: "already discarded"}


# --- exactly once -----------------------------------------------------------------------------------


def test_whoever_comes_later_fences_whoever_was_there_before(world: World) -> None:
    name = LetterId(*map(int, put_away(world, "S1", alert("S1")).split("-")))
    with reading(world) as one, reading(world) as other:
        first = Settlement(one)
        second = Settlement(other)
        with pytest.raises(FencedError, match="another one began meanwhile"):
            list(first.replay([name]))
        assert [settled.outcome for settled in second.replay([name])] == ["replayed"]
        assert [settled.outcome for settled in Settlement(one).replay([name])] == ["already replayed"]
    assert len(records(world, "alerts")) == 1


def test_three_at_once_put_every_letter_back_once(world: World, run: Run, file: Path) -> None:
    names = {put_away(world, f"S{number}", alert(f"S{number}")) for number in range(300)}
    command = [sys.executable, "-c", "from ronde.cli import main; main()", "dlq", "replay", "--settings", str(file)]
    running = [
        subprocess.Popen([*command, "--reason", "FAILED", "--yes"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    told = [(process.communicate()[1].decode(), process.returncode) for process in running]
    assert {status for _, status in told} <= {0, 1}
    assert all("another one began meanwhile" in said for said, status in told if status)
    assert set(settled(run, "replay", *names, "--settings", file).values()) == {"already replayed"}
    put_back = [record.headers[-1][1] for record in records(world, "alerts")]
    assert len(put_back) == len({*put_back}) == 300


def test_one_that_dies_before_its_commit_has_put_nothing_back(
    world: World, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put_away(world, "S1", alert("S1"))
    with reading(world) as logs, monkeypatch.context() as patch:
        settlement = Settlement(logs)

        patch.setattr(settlement._producer, "_producer", Dying(settlement._producer._producer))
        with pytest.raises(SystemExit):
            list(settlement.replay([LetterId(*map(int, name.split("-")))]))
        assert settled(run, "replay", name, "--settings", file) == {name: "replayed"}
    assert len(records(world, "alerts")) == 1


def test_a_note_behind_the_open_transaction_of_somebody_else_is_not_missed(
    world: World, client_log: logging.Logger
) -> None:
    """A reader that stops at the last stable offset would see no note, and put the letter back again."""
    name = LetterId(*map(int, put_away(world, "S1", alert("S1")).split("-")))
    slow = Producer({**world.settings.client("producer"), "transactional.id": "slow"}, logger=client_log)
    slow.init_transactions()
    slow.begin_transaction()
    slow.produce(world.settings.topic("dead-letters"), b"open", b"S1", name.partition)
    slow.flush()
    world.put("dead-letters", None, "S1", name.partition, note_headers(name, "replayed", place="alerts-0-0"))
    with reading(world) as logs:
        ending = threading.Timer(1.0, slow.abort_transaction, [10.0])
        ending.start()
        assert [one.outcome for one in Settlement(logs).replay([name])] == ["already replayed"]
        ending.join()


def test_a_letter_put_back_is_handled_and_if_it_fails_again_is_a_letter_again(
    world: World, run: Run, worker_file: WorkerFile
) -> None:
    file = worker_file("a")
    site = world.site_in(1)
    world.site(site)
    with worker(file) as process:
        process.wait_ready()
        world.put("alerts", b"poison", site)
        misplaced = world.alert(site, "A1", number=2)
        assert misplaced[0] == 2
        eventually(lambda: len(world.all("dead-letters")) == 2, "two dead letters")
        assert settled(run, "replay", "1-0", "2-0", "--settings", file) == {"1-0": "replayed", "2-0": "replayed"}
        world.wait_for(site, "decisions", rule="OPENED")
        eventually(lambda: len(world.all("dead-letters")) == 5, "two dead letters, two notes, and one more")
        assert process.stop() == 0
    (again,) = json.loads(run("dlq", "list", "--settings", file, "--json").out)["letters"]
    shown = json.loads(run("dlq", "show", again["id"], "--settings", file, "--json").out)
    assert (shown["reason"], shown["replayed_from"]) == ("UNDECODABLE", "1-0")
    verified = run("verify", "--settings", file, "--json")
    assert verified.exit == 0, verified.err
