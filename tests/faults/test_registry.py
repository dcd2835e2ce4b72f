"""The schema registry is away, slow, or does not know an id: workers wait, and only the unknown is a dead letter."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.conftest import MakeBench
from tests.faults.household import Household
from tests.faults.records import encode
from tests.faults.registry import UNKNOWN_ID, Registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.close()


def test_a_registry_that_is_down_slow_or_does_not_know(bench: MakeBench, registry: Registry, is_soak: bool) -> None:
    run = bench(rate=500 if is_soak else 50, sites=300, sections={"registry": {"url": registry.url}})
    registry.down = True
    worker = run.worker()
    worker.start()
    while worker.page("ready")[0] == 0:
        time.sleep(0.05)
    time.sleep(1.5)
    assert worker.page("ready")[0] == 503, "it waits for the registry"

    registry.down, registry.slow_seconds = False, 1.0 if is_soak else 0.3
    run.begin()
    registry.slow_seconds = 0.0
    home = Household(run, 0)
    home.alert()
    home.wait_for_rule("OPENED")

    # An id that nobody knows is a dead letter at once.
    alert = {
        "alert_id": "unknown",
        "site_id": home.name,
        "kind": "FIRE",
        "raised_at": 0,
        "zone": None,
        "detail": None,
        "source": None,
    }
    unknown = b"\0" + UNKNOWN_ID.to_bytes(4, "big")
    run.journal.send("alerts", home.name.encode(), encode("alerts", alert, unknown), "unknown", end="UNDECODABLE")
    run.probe.round_trip()

    # One that nobody can be asked about waits, and everything behind it.
    with run.disturbed():
        registry.down = True
        later = registry.add("alerts", 100)
        run.journal.send("alerts", home.name.encode(), encode("alerts", {**alert, "alert_id": "later"}, later), "later")
        run.journal.flush()
        time.sleep(20 if is_soak else 2)
        assert worker.page("ready")[0] == 503
        run.tail.read_to_end()
        assert not any(decision["procedure_version"] == "fire/faults" for decision in home.told("decisions"))
        registry.down = False
    home.wait_for("decisions", lambda decision: decision["procedure_version"] == "fire/faults")

    run.settle()
    run.verify()
    assert len(registry.asked) < 60, "what is known is asked once"
