"""Inputs by hand by principals that may do no more than their role: what they may not see is left out, and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.avro.records import encode
from streams.kafka import offsets
from tests.conftest import Run
from tests.kafka.world import World, now_ms
from tests.security.conftest import House

INCIDENT = "9f1c02d4a37be05512ab77c0"
CALL = {
    "command_id": f"{INCIDENT}-c1.1", "action": "CALL", "incident_id": INCIDENT, "site_id": "S1",
    "procedure": "SECURITY", "round": 1, "position": 1, "contact_id": "ann", "alert_kinds": ["INTRUSION"],
    "leave_message": True, "issued_at": 0, "expires_at": 0,
}  # fmt: skip
OPENED = {
    "decision_id": f"{INCIDENT}-v1", "incident_id": INCIDENT, "procedure_version": "security/1", "site_id": "S1",
    "version": 1, "at": 0, "input": {"kind": "ALERT", "id": "A1", "topic": "alerts", "partition": 0, "offset": 0},
    "rule": "OPENED", "phase_to": "CALLING", "round": 1, "position": 1, "outputs": [CALL["command_id"]],
}  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused stays refused."""
    monkeypatch.setattr(offsets, "_ASK_SECONDS", 1.0)


def test_a_desk_answers_and_closes_by_hand(house: House, world: World, run: Run) -> None:
    world.put("calls", encode("CallCommand", {**CALL, "issued_at": now_ms()}), "S1")
    world.put("decisions", encode("Decision", {**OPENED, "at": now_ms()}), "S1")
    file = house.file(house.admit("desk"))

    for command in (
        ("answer", CALL["command_id"], "IDENTIFIED", "NORMAL"),
        ("action", "close", INCIDENT, "--reason", "why", "--operator", "zoe"),
    ):
        ran = run(*command, "--settings", file)
        assert (ran.exit, ran.err) == (0, ""), ran
        assert "what comes of it cannot be seen from here" in ran.out


def test_a_receiver_sends_alerts_and_nothing_else(house: House, world: World, run: Run, tmp_path: Path) -> None:
    lines = tmp_path / "alerts.jsonl"
    lines.write_text(json.dumps({"alert_id": "A1", "site_id": "S1", "kind": "FIRE"}), "utf-8")
    file = house.file(house.admit("receiver"))

    sent = run("send", "alerts", lines, "--settings", file)
    assert (sent.exit, sent.err) == (0, "")
    assert "cannot be seen from here" in sent.out

    lines.write_text(json.dumps({"site_id": "S1", "subscribed": True, "contacts": []}), "utf-8")
    refused = run("send", "sites", lines, "--settings", file)
    assert (refused.exit, refused.out) == (1, "")
    assert f"topic {house.prefix}sites: " in refused.err
    assert "--role sites" in refused.err


def test_who_holds_the_sites_puts_one_on_test(house: House, world: World, run: Run) -> None:
    world.site("S1")
    file = house.file(house.admit("sites"))

    assert run("sites", "test", "S1", "--for", "2h", "--settings", file).exit == 0
    assert "on test until" in run("sites", "show", "S1", "--settings", file).out
