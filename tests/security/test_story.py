"""One story over TLS with access rules in force: everybody is logged in as who they are, and may do just that."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import Run
from tests.kafka.world import World, now_ms, worker
from tests.machine import stretched
from tests.security.conftest import House
from tests.security.outside import Outside

SITE = {
    "site_id": "S1",
    "subscribed": True,
    "contacts": [{"contact_id": "ann", "role": "OWNER", "phone": "+33600000001", "password_hash": "$argon2id$x"}],
    "address": {"line1": "1 rue X", "postal_code": "75001", "city": "Paris", "country": "FR"},
    "intervention": {"enabled": True, "partners": ["guards"]},
    "updated_at": "2026-01-01T00:00:00Z",
}
QUICK = {"version": "security/test", "wait_seconds": 1}
FEEDS = (
    "alerts", "call-results", "dispatch-reports", "operator-actions", "calls", "dispatches", "attention", "decisions",
    "readiness", "quarantine",
)  # fmt: skip


def no_answer(call: dict[str, Any]) -> dict[str, Any]:
    return {
        "result_id": f"{call['command_id']}-result",
        "site_id": call["site_id"],
        "command_id": call["command_id"],
        "direction": "OUTBOUND",
        "outcome": "NO_ANSWER",
        "situation": "UNKNOWN",
        "ended_at": now_ms(),
    }


def report(request: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "report_id": f"{request['command_id']}-{status}",
        "site_id": request["site_id"],
        "incident_id": request["incident_id"],
        "dispatch_id": request["dispatch_id"],
        "partner_id": request["partner_id"],
        "status": status,
        "reported_at": now_ms(),
    }


def test_from_the_alert_to_the_guard(
    house: House, world: World, run: Run, tmp_path: Path, client_log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    deciding, calling, guarding, holding, receiving, keeping = (
        house.admit(role) for role in ("worker", "telephony", "partner", "sites", "receiver", "sink")
    )
    # The worker's secrets are where an operator keeps them, and not in its settings.
    (tmp_path / "key-password").write_text("the key's own\n", encoding="utf-8")
    file = house.file(
        deciding,
        kafka={
            **house.broker.certificate("worker", "the key's own"),
            "ssl.key.password": {"file": "key-password"},
            "sasl.password": {"env": "WORKER_PASSWORD"},
        },
        procedures={"SECURITY": QUICK},
    )
    (tmp_path / "sites.jsonl").write_text(json.dumps(SITE), encoding="utf-8")
    telephony = Outside(house.settings(calling), client_log, f"{house.prefix}telephony.{calling.name}", ["calls"])
    partner = Outside(house.settings(guarding), client_log, f"{house.prefix}partner.{guarding.name}", ["dispatches"])
    app = Outside(house.settings(holding), client_log, f"{house.prefix}sites.{holding.name}", ["readiness"])
    receiver = Outside(house.settings(receiving), client_log)
    with worker(file, WORKER_PASSWORD=deciding.password) as process, telephony, partner, app, receiver:
        done = run("sites", "import", tmp_path / "sites.jsonl", "--settings", house.file(holding))
        assert (done.exit, done.err) == (0, "")
        assert all(ready["ready"] for _, ready in app.hear(lambda _, __: True))

        receiver.say("alerts", {"alert_id": "A1", "site_id": "S1", "kind": "INTRUSION", "raised_at": now_ms()})
        for _, call in telephony.hear(lambda _, call: call["round"] == 2):
            telephony.say("call-results", no_answer(call))
        (request,) = (request for _, request in partner.hear(lambda _, __: True))
        for status in ("ACCEPTED", "ON_SITE", "CLOSED"):
            partner.say("dispatch-reports", report(request, status))
        world.wait_for("S1", "decisions", rule="INTERVENTION_CLOSED")
        assert world.rules("S1") == [
            "OPENED", "WAIT_STARTED", "WAIT_ENDED", "NOBODY_REACHED",
            "PARTNER_PROGRESS", "PARTNER_PROGRESS", "INTERVENTION_CLOSED",
        ]  # fmt: skip

        # Its role is all that it needed, the group's time-outs included; and its pages are for this machine alone.
        process.wait_ready()
        assert [line for line in process.lines if line["level"] not in {"info", "debug"}] == []
        listening = [
            c for c in psutil.Process(process.process.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN
        ]
        assert [c.laddr.ip for c in listening] == ["127.0.0.1"]
        begun = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - begun < stretched(5)

    # Afterwards a ledger reads all of it.
    expected = {"alerts", "call-results", "dispatch-reports", "calls", "dispatches", "decisions", "readiness"}
    heard: set[str] = set()
    with Outside(house.settings(keeping), client_log, f"{house.prefix}ledger", FEEDS) as sink:
        for topic, _ in sink.hear(lambda _, __: heard >= expected):
            heard.add(topic)
    assert heard == expected
