"""Inputs by hand, as far as no broker is needed: lines that are none are named, ids follow from what is said."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest

from ronde.commands.action import action_id
from ronde.input_files.input_lines import InputLines
from ronde.input_files.site_spreadsheet import COLUMNS
from ronde.shared.foreign_fields import foreign_fields
from schemas.avro.loader import load as load_schema
from schemas.avro.records import encode
from schemas.contract.content_ids import result_id
from schemas.contract.topics import INPUT_TOPICS
from service import rfc3339
from streams.escalation.values import Alert
from streams.settings import load
from tests.conftest import Run
from tests.streams.scenarios import at, line, site

ALERT: Final[dict[str, Any]] = {"alert_id": "A1", "site_id": "S1", "kind": "INTRUSION", "raised_at": at(0)}
NOW: Final = rfc3339.parse(at(5))


def read(topic: str, *lines: Any) -> tuple[list[Any], InputLines]:
    """The inputs of some lines: bytes as they are, anything else as JSON."""
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
    found = InputLines(raw, topic, NOW)
    return list(found.good()), found


def told(topic: str, *lines: Any) -> list[str]:
    return [str(bad) for bad in read(topic, *lines)[1].bad]


# --- lines ----------------------------------------------------------------------------------------


def test_a_line_is_a_value_or_a_line_of_simulate_around_it() -> None:
    around = {"at": at(1), "topic": "alerts", "value": ALERT}
    good, found = read("alerts", ALERT, b"", around, {"value": ALERT, "key": "S1"})

    value = Alert("A1", "S1", "INTRUSION", rfc3339.parse(at(0)))
    assert good == [(1, "S1", value), (3, "S1", value), (4, "S1", value)]
    assert (found.bad, found.dated) == ([], 0)


@pytest.mark.parametrize(
    ("topic", "field"),
    [*zip(INPUT_TOPICS, ("updated_at", "raised_at", "ended_at", "reported_at", "taken_at"), strict=True)],
)
def test_the_instant_of_a_value_is_the_one_asked_for_where_it_has_none(topic: str, field: str) -> None:
    assert InputLines([], topic, NOW).instant_field == field


def test_only_an_absent_instant_is_filled_in() -> None:
    without = {name: value for name, value in ALERT.items() if name != "raised_at"}
    good, found = read("alerts", without, {"value": without}, ALERT, {**ALERT, "raised_at": None})

    assert [one.value.raised_at for one in good] == [NOW, NOW, rfc3339.parse(at(0))]
    assert found.dated == 2
    assert [str(bad) for bad in found.bad] == [
        "line 4: UNDECODABLE: raised_at: null where an RFC 3339 instant is wanted"
    ]


def test_a_slip_of_the_hand_is_named_with_what_was_meant() -> None:
    assert told(
        "alerts",
        {**ALERT, "kind": "INTRUSON"},
        {**ALERT, "zoen": "garage"},
        {"value": ALERT, "when": at(0)},
        {"value": ALERT, "topic": "sites"},
        {"alert_id": "A1", "kind": "FIRE"},
        {**ALERT, "alert_id": " "},
        {**ALERT, "zone": "x" * 8193},
        {"value": ALERT, "key": "S2"},
        b"{]",
        [ALERT],
        {"key": "S1", "value": None},
    ) == [
        "line 1: UNDECODABLE: kind: none of INTRUSION, HOLD_UP, TAMPER, FIRE, OTHER; did you mean INTRUSION?",
        "line 2: UNDECODABLE: zoen: no such field; did you mean zone?",
        "line 3: UNDECODABLE: when: no such field; there are at, topic, key, value",
        "line 4: UNDECODABLE: topic: it is for 'sites', and this sends to alerts",
        "line 5: UNDECODABLE: site_id: is missing",
        "line 6: EMPTY_ID: alert_id is empty",
        "line 7: TOO_LONG: zone takes more than 8192 bytes",
        "line 8: KEY_MISMATCH: site_id differs from the record's key",
        "line 9: UNDECODABLE: not JSON: unexpected character, expected a string key at character 1",
        "line 10: UNDECODABLE: the value: an array where an object is wanted",
        "line 11: UNDECODABLE: the value is null, and only sites takes a tombstone",
    ]


def test_a_slip_deep_in_a_site_is_named_by_its_path() -> None:
    contacts = [{"contact_id": "ann", "role": "OWNER"}, {"contact_id": "bob", "role": "OWNR"}]
    bare = {"site_id": "S1", "subscribed": True}
    assert told(
        "sites",
        {**bare, "contacts": contacts},
        {**bare, "contacts": [{"contact_id": "ann", "role": "OWNER", "telephone": "+33"}]},
        {**bare, "contacts": [], "address": {"town": "Cluses"}},
    ) == [
        "line 1: UNDECODABLE: contacts[1].role: none of OWNER, MEMBER, EXTERNAL; did you mean OWNER?",
        "line 2: UNDECODABLE: contacts[0].telephone: no such field; did you mean phone?",
        "line 3: UNDECODABLE: address.town: no such field; there are line1, line2, postal_code, city, country",
    ]


def test_a_site_is_deleted_by_its_key_alone() -> None:
    assert read("sites", {"key": "S1", "value": None})[0] == [(1, "S1", None)]


# --- ids ------------------------------------------------------------------------------------------


def test_the_same_said_twice_has_the_same_id_and_anything_else_another() -> None:
    said = [
        result_id("c1", "IDENTIFIED", "NORMAL", None, message_left=False),
        result_id("c1", "IDENTIFIED", "ABNORMAL", None, message_left=False),
        result_id("c1", "NO_ANSWER", "UNKNOWN", None, message_left=False),
        result_id("c1", "NO_ANSWER", "UNKNOWN", None, message_left=True),
        result_id("c1", "NO_ANSWER", "UNKNOWN", "busy", message_left=False),
        action_id("CLOSE", "c1", "why", "zoe"),
        action_id("DISPATCH", "c1", "why", "zoe"),
        action_id("CLOSE", "c1", "why", "max"),
    ]
    assert len(set(said)) == len(said)
    assert all(one.startswith("c1-") for one in said)
    assert result_id("c1", "IDENTIFIED", "NORMAL", None, message_left=False) == said[0] == "c1-result-de531384"


# --- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["send", "alertz"], "there is no input topic 'alertz'; did you mean alerts?"),
        (["send", "decisions"], "there is no input topic 'decisions'; there are sites, alerts"),
        (["send", "alerts", "--at", "noon"], "--at is not an RFC 3339 instant"),
        (["answer", "c1", "IDENTIFID"], "OUTCOME: there is no 'IDENTIFID'; did you mean IDENTIFIED?"),
        (["answer", "c1", "NO_ANSWER", "fine"], "SITUATION: there is no 'fine'; there are NORMAL, ABNORMAL, UNKNOWN"),
        (["action", "close", "i1", "--reason", " ", "--operator", "zoe"], "--reason is empty"),
        (["action", "dispatch", "i1", "--reason", "why", "--operator", ""], "--operator is empty"),
        (["sites", "test", "S1"], "--until TIME or --for 2h; or --end"),
        (["sites", "test", "S1", "--for", "2h", "--end"], "--until TIME or --for 2h; or --end"),
        (["sites", "test", "S1", "--for", "soon"], "--for: 'soon' is no length of time"),
        (["sites", "test", "S1", "--for", "0h"], "--for: '0h' is no length of time"),
        (["sites", "test", "S1", "--until", "2020-01-01T00:00:00Z"], "--until: 2020-01-01T00:00:00Z is over"),
        (["sites", "test", "S1", "--until", "tonight"], "--until is not an RFC 3339 instant"),
        (["quarantined", "--reason", "ON_TST"], "--reason: there is no 'ON_TST'; did you mean ON_TEST?"),
        (["quarantined", "--since", "monday"], "--since: not an RFC 3339 instant"),
    ],
)
def test_wrong_use_is_told_before_kafka_is_asked(run: Run, arguments: list[str], named: str) -> None:
    ran = run(*arguments)

    assert ran.exit == 2
    assert named in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "alerts", "/dev/null"],
        ["answer", "c1", "IDENTIFIED"],
        ["action", "close", "i1", "--reason", "why", "--operator", "zoe"],
        ["sites", "show", "S1"],
        ["sites", "test", "S1", "--for", "1h"],
        ["quarantined"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_kafka_that_is_away_is_told_within_seconds(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr("streams.kafka.admin.ANSWER_SECONDS", 0.3)
    monkeypatch.setenv("RONDE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    ran = run(*arguments)

    assert (ran.exit, ran.out) == (1, "")
    assert "no Kafka can be reached at 127.0.0.1:1" in ran.err
    assert "ronde local up" in ran.err


# --- what is not lost -----------------------------------------------------------------------------


def test_a_record_of_todays_schema_has_no_foreign_fields() -> None:
    data = encode("Site", {"site_id": "S1", "subscribed": True, "contacts": [], "updated_at": NOW})

    assert foreign_fields(load(None, {}), "Site", data) == []


def test_fields_of_a_later_schema_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    later = load_schema("Site")
    contact = next(field for field in later["fields"] if field["name"] == "contacts")["type"]["items"]
    contact["fields"].append({"name": "pager", "type": ["null", "string"], "default": None})
    later["fields"].append({"name": "region", "type": "string", "default": ""})
    monkeypatch.setattr("ronde.shared.foreign_fields.released", lambda _: {2: later})
    monkeypatch.setattr("ronde.shared.foreign_fields.single_object", lambda _: b"\xc3\x01later...")

    assert foreign_fields(load(None, {}), "Site", b"\xc3\x01later...and the rest") == ["contacts.pager", "region"]


# --- the rest -------------------------------------------------------------------------------------


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version") == (0, f"ronde {version('ronde')}\n", "")


def test_each_column_of_a_csv_file_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text("utf-8")
    table = text[text.index("### CSV") :]
    table = table[: table.index("\n#", 1)]
    assert [name for name in COLUMNS if f"`{name.replace('contacts.1.', 'contacts.<n>.')}`" not in table] == []


def test_a_timeline_of_a_simulation(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    action = {
        "action_id": "O1", "site_id": "S1", "action": "DISPATCH", "reason": "seen", "operator": "zoe",
        "taken_at": at(3),
    }  # fmt: skip
    result = {"result_id": "R1", "site_id": "S1", "direction": "INBOUND", "outcome": "WRONG_CODE", "ended_at": at(2)}
    file.write_bytes(
        site(at(0))
        + site(at(0), "S2\x1b[2J", subscribed=False)
        + line(at(1, 0.5), "alerts", {**ALERT, "raised_at": at(1)})
        + line(at(2), "alerts", {**ALERT, "site_id": "S2\x1b[2J"})
        + line(at(2), "call-results", result)
        + line(at(3), "operator-actions", action)
        + line(at(4), "alerts", {"site_id": "S1"})
    )
    ran = run("simulate", file, "--timeline", "--until", at(24 * 60))

    lines = [" ".join(text.split()) for text in ran.out.splitlines()]
    assert (ran.exit, ran.err) == (0, "")
    assert lines[:5] == [
        "S1 2026-01-01",
        "00:01:00.500 alert INTRUSION OPENED call 1.1 ann",
        "00:02:00 somebody calls: UNIDENTIFIED_CALLBACK",
        "WRONG_CODE",
        "00:03:00 operator DISPATCH OPERATOR_DISPATCH cancel 1.1 ann",
    ]
    assert "S1 2026-01-02" not in lines
    quarantine = lines.index("S2\\u001b[2J 2026-01-01")
    assert lines[quarantine + 1 :] == [
        "00:02:00 alert INTRUSION (quarantined) NOT_SUBSCRIBED",
        f"dead letter at {at(4)}: alerts: UNDECODABLE: alert_id: is missing",
    ]


def test_a_timeline_of_a_simulation_ends_at_a_bad_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    file.write_bytes(site(at(0)) + line(at(1), "alerts", ALERT) + b"{]\n")
    ran = run("simulate", file, "--timeline")

    assert ran.exit == 2
    assert "OPENED" in ran.out
    assert "line 3: not a JSON object" in ran.err
