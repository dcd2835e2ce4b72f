"""The engineer on call: all that a runbook names can be looked at, and a dead letter can be put back."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.avro.records import encode
from tests.conftest import Run
from tests.kafka.letters import put_away
from tests.kafka.world import World
from tests.security.conftest import House

ALERT = {"alert_id": "A1", "site_id": "S1", "kind": "FIRE", "raised_at": 0}


def test_an_engineer_looks_at_everything_and_puts_a_dead_letter_back(
    house: House, world: World, run: Run, tmp_path: Path
) -> None:
    world.site("S1")
    letter = put_away(world, "S1", encode("Alert", ALERT))
    lines = tmp_path / "alerts.jsonl"
    lines.write_text(json.dumps({"alert_id": "A2", "site_id": "S1", "kind": "FIRE"}), "utf-8")
    file = house.file(house.admit("engineer"))

    for command in (
        ("send", "alerts", lines),
        ("quarantined",),
        ("topics", "check"),
        ("dlq", "list"),
        ("dlq", "show", letter),
        ("dlq", "replay", letter),
    ):
        ran = run(*command, "--settings", file)
        assert (command, ran.exit, ran.err) == (command, 0, "")
    # No worker wrote any decision, so these find something; that nothing was hidden from them is what counts here.
    assert "difference" in run("verify", "--settings", file).out
    assert "S1" in run("replay", "--site", "S1", "--settings", file).err
