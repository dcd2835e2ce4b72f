"""Inputs as lines, played in virtual time: contracts.md, Command line, rule by rule."""

import json
from typing import Any

import pytest

from service import rfc3339
from streams.escalation.procedures import DEFAULTS
from streams.simulation import scenario
from streams.simulation.simulation import Record
from tests.streams.scenarios import ABSENT, alert, at, callback, line, played, site, told


def test_a_night_without_an_answer() -> None:
    records = played([site(at(0)), alert(at(1)), alert(at(3, 30), "A2")], until=at(16))

    assert told(records) == [
        "00:00:00 S1 readiness",
        "00:01:00 S1 calls",
        "00:01:00 S1 decisions OPENED",
        # Due before the next line, each at its own instant.
        "00:03:00 S1 calls",
        "00:03:00 S1 decisions NEXT_CONTACT",
        "00:03:30 S1 decisions MERGED",
        "00:05:00 S1 decisions WAIT_STARTED",
        "00:15:00 S1 calls",
        "00:15:00 S1 decisions WAIT_ENDED",
    ]


def test_an_output_line_has_every_field_and_names_its_input() -> None:
    _, _, decision = played([site(at(0)), alert(at(1))])

    assert decision == {
        "at": at(1),
        "topic": "decisions",
        "key": "S1",
        "value": {
            "decision_id": decision["value"]["incident_id"] + "-v1",
            "incident_id": decision["value"]["incident_id"],
            "procedure_version": "security/1",
            "site_id": "S1",
            "version": 1,
            "at": at(1),
            "input": {"kind": "ALERT", "id": "A1", "topic": "alerts", "partition": 0, "offset": 0},
            "site_offset": 0,
            "rule": "OPENED",
            "phase_from": None,
            "phase_to": "CALLING",
            "round": 1,
            "position": 1,
            "deadline": at(3),
            "disposition": None,
            "outputs": [decision["value"]["incident_id"] + "-c1.1"],
        },
    }


def test_a_long_gap_fires_every_deadline_of_a_chain_at_its_own_instant() -> None:
    records = played([site(at(0)), alert(at(1)), callback(at(60), site_id="S2")])

    deadlines = [told([record])[0] for record in records if record["topic"] == "decisions"]
    assert deadlines == [
        "00:01:00 S1 decisions OPENED",
        "00:03:00 S1 decisions NEXT_CONTACT",
        "00:05:00 S1 decisions WAIT_STARTED",
        "00:15:00 S1 decisions WAIT_ENDED",
        "00:17:00 S1 decisions NEXT_CONTACT",
        "00:19:00 S1 decisions NOBODY_REACHED",
        "00:21:00 S1 decisions RESPONSE_TIMED_OUT",
        "00:23:00 S1 decisions RESPONSE_TIMED_OUT",
        "00:25:00 S1 decisions RESPONSE_TIMED_OUT",
        "00:55:00 S1 decisions STILL_HANDED_OVER",
        "01:00:00 S2 decisions NO_OPEN_INCIDENT",
    ]


def test_a_deadline_due_at_an_inputs_time_is_handled_before_it() -> None:
    records = played([site(at(0)), alert(at(1)), callback(at(3))])

    assert told(records)[-3:] == [
        "00:03:00 S1 calls",
        "00:03:00 S1 decisions NEXT_CONTACT",
        "00:03:00 S1 decisions UNIDENTIFIED_CALLBACK",
    ]


def test_deadlines_of_one_instant_go_by_incident_id_over_all_sites() -> None:
    names = [f"S{number}" for number in range(20)]
    lines = [site(at(0), name) for name in names] + [alert(at(1), "A1", name) for name in names]
    records = played(lines, until=at(3))

    decisions = [record["value"] for record in records if record["at"] == at(3) and record["topic"] == "decisions"]
    incidents = [decision["incident_id"] for decision in decisions]
    assert incidents == sorted(incidents)
    assert len(incidents) == len(names)
    assert [decision["site_id"] for decision in decisions] != names


def test_a_phases_deadline_goes_before_a_pending_amends() -> None:
    lines = [
        site(at(0)),
        alert(at(1)),
        callback(at(1, 10), situation="ABNORMAL"),  # the guard is asked; the partner has 2 minutes
        alert(at(2, 10), "A2"),  # amends
        alert(at(2, 20), "A3"),  # held back until 3:10, when the partner's time is up too
    ]
    assert told(played(lines, until=at(3, 10)))[-4:] == [
        "00:02:20 S1 decisions MERGED",
        "00:03:10 S1 dispatches CONFIRMED_ABNORMAL",
        "00:03:10 S1 attention PARTNER_SILENT",
        "00:03:10 S1 decisions RESPONSE_TIMED_OUT",  # the request tells all: no amend after it
    ]


def test_offsets_count_the_lines_of_a_topic_with_its_dead_letters_and_without_blank_lines() -> None:
    lines = [
        site(at(0)),
        b"\n",
        line(at(1), "alerts", {}),
        b" \t\r\n",
        callback(at(1)),
        line(at(1), "alerts", None, "S1"),
        line(at(1), "sites", 5),
        alert(at(1)),
        site(at(2)),
        alert(at(3), "A2"),
    ]
    decisions = [record["value"] for record in played(lines) if record["topic"] == "decisions"]
    assert [(decision["input"]["topic"], decision["input"]["offset"]) for decision in decisions] == [
        ("call-results", 0),
        ("alerts", 2),
        (None, None),
        ("alerts", 3),
    ]
    assert [decision["site_offset"] for decision in decisions] == [0, 0, 2, 2]


def test_a_tombstone_deletes_the_site_and_its_readiness() -> None:
    records = played([site(at(0)), line(at(1), "sites", None, "S1"), alert(at(2)), line(at(3), "sites", None, "S9")])

    assert told(records) == [
        "00:00:00 S1 readiness",
        "00:01:00 S1 readiness",
        "00:02:00 S1 quarantine UNKNOWN_SITE",
        "00:03:00 S9 readiness",
    ]
    assert records[1] == {"at": at(1), "topic": "readiness", "key": "S1", "value": None}


GOOD: dict[str, Any] = {"alert_id": "A1", "site_id": "S1", "kind": "FIRE", "raised_at": "2026-01-01T00:00:00Z"}
CLOSE = {
    "action_id": "O1", "site_id": "S1", "action": "CLOSE", "reason": "r", "operator": "o",
    "taken_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
DEEP: Any = json.loads("[" * 500 + "]" * 500)


@pytest.mark.parametrize(
    ("topic", "key", "value", "dead_key", "reason"),
    [
        # The key of the dead letter: the line's, else the value's site_id if it is text, else none.
        ("alerts", ABSENT, {**GOOD, "alert_id": 7}, "S1", "UNDECODABLE"),
        ("alerts", None, {**GOOD, "alert_id": 7}, "S1", "UNDECODABLE"),
        ("alerts", "K", {**GOOD, "alert_id": 7}, "K", "UNDECODABLE"),
        ("alerts", ABSENT, {**GOOD, "site_id": 7}, None, "UNDECODABLE"),
        ("alerts", ABSENT, "S1", None, "UNDECODABLE"),
        # The first reason that fits.
        ("alerts", "K", {}, "K", "UNDECODABLE"),
        ("alerts", "K", GOOD, "K", "KEY_MISMATCH"),
        ("alerts", "", GOOD, "", "KEY_MISMATCH"),
        ("alerts", 5, GOOD, 5, "KEY_MISMATCH"),
        ("alerts", ["S1"], GOOD, ["S1"], "KEY_MISMATCH"),
        ("alerts", DEEP, GOOD, None, "KEY_MISMATCH"),  # deeper than is written
        ("alerts", "K", {**GOOD, "alert_id": ""}, "K", "KEY_MISMATCH"),
        ("alerts", "S1", {**GOOD, "alert_id": ""}, "S1", "EMPTY_ID"),
        ("alerts", ABSENT, {**GOOD, "site_id": ""}, "", "EMPTY_ID"),
        ("alerts", "", {**GOOD, "site_id": ""}, "", "EMPTY_ID"),
        ("operator-actions", ABSENT, CLOSE, "S1", "EMPTY_ID"),
        ("operator-actions", ABSENT, {**CLOSE, "incident_id": ""}, "S1", "EMPTY_ID"),
        ("alerts", ABSENT, {**GOOD, "alert_id": "", "zone": "z" * 8193}, "S1", "EMPTY_ID"),
        ("alerts", ABSENT, {**GOOD, "alert_id": "é" * 65}, "S1", "TOO_LONG"),
        ("alerts", ABSENT, {**GOOD, "zone": "z" * 8193}, "S1", "TOO_LONG"),
        # A null value is a tombstone, and only a site has one.
        ("alerts", "S1", None, "S1", "UNDECODABLE"),
        ("call-results", ABSENT, None, None, "UNDECODABLE"),
        ("sites", ABSENT, None, None, "UNDECODABLE"),
        ("sites", None, None, None, "UNDECODABLE"),
        ("sites", "", None, "", "UNDECODABLE"),
        ("sites", 5, None, 5, "UNDECODABLE"),
    ],
)
def test_what_may_not_reach_the_core_is_a_dead_letter(
    topic: str, key: object, value: Any, dead_key: object, reason: str
) -> None:
    (letter,) = played([line(at(1), topic, value, key)])

    error = letter["value"].pop("error")
    assert letter == {
        "at": at(1),
        "topic": "dead-letters",
        "key": dead_key,
        "value": {"topic": topic, "reason": reason},
    }
    assert isinstance(error, str)
    assert error


def test_a_dead_letter_comes_after_what_was_due_before_it() -> None:
    assert told(played([site(at(0)), alert(at(1)), line(at(4), "alerts", {})]))[-3:] == [
        "00:03:00 S1 calls",
        "00:03:00 S1 decisions NEXT_CONTACT",
        "00:04:00 None dead-letters UNDECODABLE",
    ]


def test_values_nested_deep_and_names_that_repeat() -> None:
    text = alert(at(1)).decode().strip().removesuffix("}}")
    deep = f'{text}, "site_id": "S2", "odd": {"[" * 1000}{"]" * 1000}}}}}'.encode()

    assert told(played([deep])) == ["00:01:00 S2 quarantine UNKNOWN_SITE"]


def test_instants_of_lines_may_have_any_offset_and_fraction() -> None:
    lines = [
        line("2026-01-01T01:00:00.0009+01:00", "sites", None, "S1"),
        line("2026-01-01t00:00:00z", "sites", None, "S2"),
        line("2025-12-31T23:30:00.001-00:30", "sites", None, "S3"),
    ]
    assert [(record["at"], record["key"]) for record in played(lines)] == [
        ("2026-01-01T00:00:00.000Z", "S1"),
        ("2026-01-01T00:00:00.000Z", "S2"),
        ("2026-01-01T00:00:00.001Z", "S3"),
    ]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"x", "not a JSON object"),
        (b'{"at": "2026-01-01T00:00:10Z", "topic": "alerts", "value": "\\ud800"}', "not a JSON object"),
        (b'{"at": "2026-01-01T00:00:10Z", "topic": "alerts", "value": ' + b"[" * 1100, "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'"alerts"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"at": NaN, "topic": "alerts", "value": {}}', "not a JSON object"),
        (b'{"at": "2026-01-01T00:00:10Z", "topic": "alerts", "value": "\xff"}', "not a JSON object"),
        (b"\xef\xbb\xbf" + alert(at(1)), "not a JSON object"),
        (b"\x0c", "not a JSON object"),
        (alert(at(1)).strip() + alert(at(1)), "not a JSON object"),
        (b'{"topic": "alerts", "value": {}}', "no 'at'"),
        (b'{"at": "2026-01-01T00:10:00Z", "value": {}}', "no 'topic'"),
        (b'{"at": "2026-01-01T00:10:00Z", "topic": "alerts"}', "no 'value'"),
        (line("2026-01-01T00:10:00", "alerts", {}), "'at' is not an RFC 3339 instant"),
        (line("2026-01-01T00:10:61Z", "alerts", {}), "'at' is not a time of day"),
        (json.dumps({"at": 1_767_225_610_000, "topic": "alerts", "value": {}}).encode(), "'at' is no string"),
        (json.dumps({"at": None, "topic": "alerts", "value": {}}).encode(), "'at' is no string"),
        (line(at(10), "decisions", {}), "'topic' is none of sites, alerts,"),
        (line(at(10), "ronde.alerts", {}), "'topic' is none of"),
        (line(at(10), "state", None, "S1"), "'topic' is none of"),
        (json.dumps({"at": at(10), "topic": ["alerts"], "value": {}}).encode(), "'topic' is none of"),
        (line(at(0, 59.999), "alerts", {}), "its time goes back"),
    ],
)
def test_a_line_that_is_no_input_ends_the_run_after_the_records_before_it(bad: bytes, why: str) -> None:
    lines = [site(at(0)), b"\n", alert(at(1)), bad + b"\n", alert(at(30), "A2")]
    records: list[Record] = []
    with pytest.raises(scenario.BadLine, match=rf"^line 4: {why}"):
        records.extend(scenario.play(lines, DEFAULTS, rfc3339.parse(at(60))))

    assert [record.topic for record in records] == ["readiness", "calls", "decisions"]


def test_equal_times_are_in_order() -> None:
    assert told(played([site(at(1)), alert(at(1))]))[-1] == "00:01:00 S1 decisions OPENED"


def test_the_clock_runs_on_to_until_and_not_beyond() -> None:
    lines = [site(at(0)), alert(at(1))]

    assert told(played(lines))[-1] == "00:01:00 S1 decisions OPENED"
    assert told(played(lines, until=at(1)))[-1] == "00:01:00 S1 decisions OPENED"
    assert told(played(lines, until=at(2, 59.999)))[-1] == "00:01:00 S1 decisions OPENED"
    assert told(played(lines, until=at(3)))[-1] == "00:03:00 S1 decisions NEXT_CONTACT"
    assert played([], until=at(3)) == []


def test_until_before_the_last_line_is_refused_after_its_records() -> None:
    records: list[Record] = []
    with pytest.raises(scenario.EndsTooEarly, match="is before the last line's time"):
        records.extend(scenario.play([site(at(0)), alert(at(1))], DEFAULTS, rfc3339.parse(at(0, 30))))

    assert [record.topic for record in records] == ["readiness", "calls", "decisions"]


def test_deadlines_after_the_year_9999_are_still_told() -> None:
    last = "9999-12-31T23:59:59.999Z"
    _, call, decision = played([site(last), alert(last)])

    assert call["value"]["expires_at"] == "10000-01-01T00:01:59.999Z"
    assert decision["value"]["deadline"] == "10000-01-01T00:01:59.999Z"
