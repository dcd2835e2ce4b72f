"""`ronde transmitters`: from files into the topic, keys wrapped; looked at, and waited for."""

from __future__ import annotations

import json
import secrets
import threading
import time
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from edges.kafka import clients
from edges.receiver.wrapping import UnreadableKeyError, Wrapping
from edges.values import Signal
from ronde.commands import transmitters_on_test
from schemas import decode, encode
from schemas.contract.murmur2 import partition
from streams.settings import Settings
from tests.conftest import Run, SettingsFile

WRAPPING: Final = "ab" * 32
KEY: Final = "00112233445566778899AABBCCDDEEFF"


@pytest.fixture
def file(settings_file: SettingsFile, topics: Settings) -> Path:
    """Settings with a wrapping key, for topics that are there."""
    return settings_file(receiver={"wrapping_key": WRAPPING})


def read(topics: Settings) -> dict[str, Any]:
    """The records of the topic by their key, with the bytes of each value; murmur2 put them where they are."""
    consumer = Consumer({**topics.client("consumer"), "group.id": "test", "enable.partition.eof": True})
    number = topics.topics.partitions
    consumer.assign([TopicPartition(topics.topic("transmitters"), at, 0) for at in range(number)])
    found, ends = {}, 0
    while ends < number:
        message = consumer.poll(10)
        assert message is not None
        if message.error() is not None:
            ends += 1
            continue
        key, value = message.key(), message.value()
        assert key is not None
        assert value is not None
        assert message.partition() == partition(key, number)
        assert KEY.encode() not in value
        assert bytes.fromhex(KEY) not in value
        found[key.decode()] = decode("Transmitter", value)
    consumer.close()
    return found


def test_lines_are_loaded_and_each_bad_one_is_named(run: Run, file: Path, topics: Settings, tmp_path: Path) -> None:
    override = {
        "code": "130",
        "zone": "3",
        "kind": "IGNORE",
        "until": "2026-12-01T00:00:00Z",
        "by": "ann",
        "why": "dog" * 2730,
    }
    lines = [
        {"account": "00a1", "site_id": "S1", "key": KEY, "overrides": [override], "updated_at": "2026-01-01T00:00:00Z"},
        {"account": "00A2", "site_id": "S2", "bad_crc": "NAK"},
        {"account": "XYZ", "site_id": "S3"},
        {"account": "A4", "site_id": "S4", "key": "0011"},
        {"account": "A5", "site_id": " "},
        {"account": "A6", "site_id": "S6", "key_wrapped": "AAAA"},
        {"account": "A7", "site_id": "S7", "overrides": [{**override, "kind": "NONE"}]},
        {"account": "A8", "site_id": "S8", "require_encryption": True},
        {"account": "00A2", "site_id": "S9"},
        {"account": "A9", "site_id": "S\0"},
        {"account": "AA", "site_id": "S10", "overrides": [{**override, "why": "é" * 4096 + "!"}]},
    ]
    source = tmp_path / "transmitters.jsonl"
    source.write_text("\n".join([*map(json.dumps, lines), "no json", ""]), "utf-8")

    ran = run("transmitters", "import", source, "--settings", file)

    assert ran.exit == 1
    assert KEY not in ran.out + ran.err
    for line in (
        "line 3: UNDECODABLE: account: it is not 1 to 16 hexadecimal digits",
        "line 4: UNDECODABLE: key: it is not 16, 24 or 32 bytes in hex (32, 48 or 64 digits)",
        "line 5: UNDECODABLE: site_id: it is empty",
        "line 6: UNDECODABLE: key_wrapped: a transmitter has no such field",
        "line 7: UNDECODABLE: overrides.0.kind:",
        "line 8: UNDECODABLE: require_encryption: without a key",
        "line 10: UNDECODABLE: site_id: it has the character U+0000",
        "line 11: UNDECODABLE: overrides.0.why: it has more than 8192 bytes",
        "line 12: UNDECODABLE: not JSON",
        "account 00A2 stands in lines 2, 9",
        "3 transmitters loaded",
    ):
        assert line in ran.out
    assert "9 lines are no transmitters" in ran.err

    found = read(topics)
    assert found.keys() == {"00A1", "00A2"}
    wrapped = found["00A1"].pop("key_wrapped")
    assert Wrapping(bytes.fromhex(WRAPPING)).unwrap(wrapped, "00A1") == bytes.fromhex(KEY)
    with pytest.raises(UnreadableKeyError):
        Wrapping(bytes.fromhex(WRAPPING)).unwrap(wrapped, "00A2")
    assert found["00A1"] == {
        "account": "00A1", "site_id": "S1", "protocol": "DC09", "require_encryption": None, "bad_crc": "SILENT",
        "overrides": [{**override, "until": 1796083200000}], "updated_at": 1767225600000,
    }  # fmt: skip
    assert found["00A2"]["site_id"] == "S9"
    assert abs(found["00A2"]["updated_at"] / 1000 - time.time()) < 60


def test_a_spreadsheet_is_loaded_too(run: Run, file: Path, topics: Settings, tmp_path: Path) -> None:
    source = tmp_path / "transmitters.csv"
    source.write_text(
        "account;site_id;key;require_encryption;overrides.1.code;overrides.1.kind;overrides.1.by;overrides.1.why\n"
        f"00A1;S1;{KEY};no;BA;TAMPER;ann;wrong input\n"
        "00A2;S2;;maybe;;;;\n"
        "00A3;S3;;;BA;;;\n",
        "utf-8",
    )
    ran = run("transmitters", "import", source, "--settings", file, "--json")
    assert ran.exit == 1
    told = json.loads(ran.out)
    assert told["loaded"] == 1
    assert [(bad["line"], bad["error"].partition(":")[0]) for bad in told["bad"]] == [
        (3, "require_encryption"),
        (4, "overrides.0.kind"),
    ]
    found = read(topics)["00A1"]
    assert (found["require_encryption"], found["overrides"][0]["kind"]) == (False, "TAMPER")

    source.write_text("account,site,key\n00A1,S1,\n", "utf-8")
    wrong = run("transmitters", "import", source, "--settings", file)
    assert (wrong.exit, "no column is named site_id" in wrong.err) == (2, True)


def test_without_a_wrapping_key_no_key_leaves(
    run: Run, settings_file: SettingsFile, topics: Settings, tmp_path: Path
) -> None:
    source = tmp_path / "transmitters.jsonl"
    source.write_text(json.dumps({"account": "A1", "site_id": "S1", "key": KEY}), "utf-8")
    ran = run("transmitters", "import", source, "--settings", settings_file())
    assert (ran.exit, "receiver.wrapping_key is not set" in ran.out) == (1, True)
    assert read(topics) == {}


def test_list_and_show_tell_what_is_in_force_and_no_key(
    run: Run, file: Path, settings_file: SettingsFile, tmp_path: Path
) -> None:
    source = tmp_path / "transmitters.jsonl"
    override = {"code": "130", "kind": "IGNORE", "by": "ann", "why": "dog"}
    lines = [
        {"account": "A1", "site_id": "S1", "key": KEY, "overrides": [override]},
        {"account": "A2", "site_id": "S2"},
        {"account": "A1", "site_id": "S9", "key": KEY, "overrides": [override]},
    ]
    source.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    assert run("transmitters", "import", source, "--settings", file).exit == 0

    listed = run("transmitters", "list", "--settings", file).out.splitlines()
    assert [line.split() for line in listed[1:]] == [
        ["A1", "S9", "DC09", "required", "SILENT", "1"],
        ["A2", "S2", "DC09", "none", "SILENT", "0"],
    ]
    only = json.loads(run("transmitters", "list", "--site", "S2", "--settings", file, "--json").out)
    assert [one["account"] for one in only["transmitters"]] == ["A2"]

    shown = json.loads(run("transmitters", "show", "a1", "--settings", file, "--json").out)
    assert (shown["site_id"], shown["key_opens"]) == ("S9", True)
    assert (shown["overrides"][0]["code"], shown["overrides"][0]["why"]) == ("130", "(hidden)")
    personal = run("transmitters", "show", "A1", "--settings", file, "--personal").out
    assert "dog" in personal
    assert "opens under receiver.wrapping_key" in personal
    assert KEY not in personal.upper()
    unset = settings_file()
    assert (
        "key: not tried: receiver.wrapping_key is not set here"
        in run("transmitters", "show", "A1", "--settings", unset).out
    )
    absent = run("transmitters", "show", "FF", "--settings", file)
    assert (absent.exit, "no transmitter FF" in absent.err) == (1, True)


def test_the_next_frame_of_an_account_is_waited_for(run: Run, file: Path, topics: Settings) -> None:
    producer = Producer(topics.client("producer"))

    def say(account: str, number: int, **changes: Any) -> None:
        value = {
            "signal_id": f"{account}-0007-1f2e3d4c-1-r1-{number}", "account": account, "site_id": "S1",
            "protocol": "DC09", "code": "BA", "qualifier": "NEW", "zone": "12", "meaning": "BURGLARY",
            "kind": "INTRUSION", "alert_id": f"{account}-0007-{number}-1f2e3d4c",
            "outcome": "ALERT", "received_at": 1767225600123,
            "receiver": "r1", "authenticated": True, "text": "back door", "raw": secrets.token_bytes(9), **changes,
        }  # fmt: skip
        producer.produce(topics.topic("signals"), encode("Signal", value), b"S1")
        producer.flush(10)

    say("A1", 9)  # before anybody waits
    stop = threading.Event()

    def panels() -> None:
        while not stop.wait(0.5):
            say("B1", 1)
            say("A1", 1)
            say("A1", 2, zone="13")
            say("C1", 1, site_id=None, alert_id=None, outcome="UNKNOWN_ACCOUNT")

    panel = threading.Thread(target=panels)
    panel.start()
    try:
        ran = run("transmitters", "test", "a1", "--wait", "60", "--settings", file)
        told = json.loads(run("transmitters", "test", "A1", "--settings", file, "--json").out)
        unknown = run("transmitters", "test", "C1", "--settings", file)
    finally:
        stop.set()
        panel.join()
    assert ran.exit == 0, ran.err
    assert "waiting 60 s for a frame of A1" in ran.err
    assert "A1: NEW BA zone 12 (BURGLARY) at 2026-01-01T00:00:00.123Z, by r1" in ran.out
    assert "ALERT: INTRUSION of site S1, alert A1-0007-1-1f2e3d4c" in ran.out
    assert ("text: (hidden)" in ran.out, "back door" in ran.out) == (True, False)
    assert {one["account"] for one in told["signals"]} == {"A1"}
    assert "UNKNOWN_ACCOUNT: no transmitter has this account" in unknown.out
    wrong = run("transmitters", "test", "XYZ", "--settings", file)
    assert (wrong.exit, "ACCOUNT: 'XYZ' is no account: 1 to 16 hexadecimal digits" in wrong.err) == (2, True)
    silent = run("transmitters", "test", "FF", "--wait", "1", "--settings", file)
    assert (silent.exit, "no frame of FF came within 1 s" in silent.err) == (1, True)


def test_what_a_client_of_kafka_reports_does_not_stand_in_the_output(
    run: Run, file: Path, topics: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def report(*_: object) -> list[Signal]:
        clients._reporting("reader", lambda _: None)(KafkaError(KafkaError._TRANSPORT))
        return []

    monkeypatch.setattr(transmitters_on_test, "_next", report)
    ran = run("transmitters", "test", "A1", "--settings", file, "--json")
    assert (ran.exit, ran.out) == (1, "")
    assert "a Kafka client reports an error" in ran.err


def test_signals_that_cannot_be_read_are_not_blamed_on_the_panel(
    run: Run, file: Path, topics: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transmitters_on_test, "_START_SECONDS", 0.0)
    ran = run("transmitters", "test", "A1", "--settings", file)
    assert (ran.exit, "panel" in ran.err) == (1, False)
    assert f"{topics.topic('signals')} could not be read to its end within 0 s" in ran.err


def test_signals_are_listed_by_what_became_of_them(run: Run, file: Path, topics: Settings) -> None:
    producer = Producer(topics.client("producer"))
    now = time.time_ns() // 1_000_000

    def put(account: str, age: int, **changes: Any) -> None:
        value = {
            "signal_id": f"{account}-0007-1f2e3d4c-{age}-r1-1", "account": account, "protocol": "DC09",
            "meaning": "UNKNOWN", "outcome": "REFUSED", "reason": "NOT_ENCRYPTED", "site_id": f"S-{account}",
            "received_at": now - age, "receiver": "r1", "authenticated": False, "raw": b"?", **changes,
        }  # fmt: skip
        key = value["site_id"] or f"account:{account}"
        producer.produce(topics.topic("signals"), encode("Signal", value), key.encode(), timestamp=now - age)

    put("A1", 3000)
    put("A2", 2000, reason="KEY_DOES_NOT_OPEN", text="back door")
    put("B1", 1000, site_id=None, outcome="UNKNOWN_ACCOUNT", reason=None)
    put("C1", 500, outcome="SIGNAL", reason=None)
    put("A1", 7_200_000)
    producer.flush(10)

    def list_(*options: str) -> Any:
        ran = run("transmitters", "signals", *options, "--settings", file, "--json")
        assert ran.exit == 0, ran.err
        shown = json.loads(ran.out)
        return [signal["account"] for signal in shown["signals"]], shown["more"]

    assert list_() == (["A1", "A2", "B1", "C1"], 0)
    assert list_("--outcome", "refused", "--outcome", "UNKNOWN_ACCOUNT") == (["A1", "A2", "B1"], 0)
    assert list_("--outcome", "REFUSED", "--since", "3h", "--limit", "2") == (["A1", "A2"], 1)
    assert list_("a1", "--since", "3h") == (["A1", "A1"], 0)
    ran = run("transmitters", "signals", "a2", "--settings", file)
    assert "REFUSED: site S-A2, no alert; KEY_DOES_NOT_OPEN" in ran.out
    assert ("text: (hidden)" in ran.out, "back door" in ran.out) == (True, False)
    assert "no such signals since 1h" in run("transmitters", "signals", "FF", "--settings", file).out
    wrong = run("transmitters", "signals", "--outcome", "REFUSE", "--settings", file)
    assert (wrong.exit, "did you mean REFUSED?" in wrong.err) == (2, True)
