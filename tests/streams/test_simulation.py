"""When the core itself fails, one record or one site is set aside, and the rest goes on (procedure.md §7)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from streams.escalation import step
from streams.escalation.values import Alert, Site, Source
from streams.formats.json_values import reader
from streams.simulation.simulation import Simulation
from tests.streams.scenarios import alert, at, callback, played, site, told

NIGHT = [site(at(0)), site(at(0), "S2"), alert(at(1)), alert(at(1, 30), "A1", "S2")]


class Broken(Exception):
    """The core fails."""


def breaks(core: Callable[..., Any], *, on: Callable[..., bool]) -> Callable[..., Any]:
    """The core's function, failing on chosen inputs."""

    def call(*arguments: Any) -> Any:
        if on(*arguments):
            raise Broken("here")
        return core(*arguments)

    return call


def test_an_input_on_which_the_core_fails_leaves_its_site_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = breaks(step.on_event, on=lambda _state, _record, event, *_: event[0] == "A2")
    monkeypatch.setattr("streams.simulation.simulation.on_event", failing)

    records = played([*NIGHT, alert(at(2), "A2"), alert(at(2, 10), "A3")], until=at(3))

    assert told(records)[6:] == [
        "00:02:00 S1 dead-letters FAILED",
        "00:02:10 S1 decisions MERGED",
        "00:03:00 S1 calls",
        "00:03:00 S1 decisions NEXT_CONTACT",
    ]
    assert records[6]["value"] == {"topic": "alerts", "reason": "FAILED", "error": "Broken: here"}
    assert [record["value"]["version"] for record in records[7:] if record["topic"] == "decisions"] == [2, 3]


def test_a_site_record_on_which_the_core_fails_does_not_come_into_force(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = breaks(step.on_site, on=lambda _state, _before, new, _now: new is not None and not new.subscribed)
    monkeypatch.setattr("streams.simulation.simulation.on_site", failing)

    records = played([site(at(0)), site(at(1), subscribed=False), alert(at(2))])

    assert told(records)[1] == "00:01:00 S1 dead-letters FAILED"
    assert records[1]["value"]["topic"] == "sites"
    assert told(records)[-1] == "00:02:00 S1 decisions OPENED"
    assert records[-1]["value"]["site_offset"] == 0


def test_a_deadline_on_which_the_core_fails_hands_the_incident_over(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = breaks(step.on_deadline, on=lambda site_id, *_: site_id == "S1")
    monkeypatch.setattr("streams.simulation.simulation.on_deadline", failing)

    records = played(NIGHT, until=at(3, 30))

    assert told(records)[6:] == [
        "00:03:00 S1 attention FAILED",
        "00:03:00 S1 decisions FAILED",
        "00:03:30 S2 calls",
        "00:03:30 S2 decisions NEXT_CONTACT",
    ]
    assert records[7]["value"]["phase_to"] == "HANDED_OVER"


def test_a_site_that_fails_again_is_set_aside_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = breaks(step.on_deadline, on=lambda site_id, *_: site_id == "S1")
    monkeypatch.setattr("streams.simulation.simulation.on_deadline", failing)
    monkeypatch.setattr("streams.simulation.simulation.on_failed_deadline", failing)

    records = played([*NIGHT, callback(at(4)), alert(at(4), "A2")], until=at(4))

    assert told(records)[6:] == [
        "00:03:00 S1 dead-letters FAILED",
        "00:03:00 S1 attention FAILED",
        "00:03:30 S2 calls",
        "00:03:30 S2 decisions NEXT_CONTACT",
        # A person at risk there is heard again.
        "00:04:00 S1 decisions NO_OPEN_INCIDENT",
        "00:04:00 S1 calls",
        "00:04:00 S1 decisions OPENED",
    ]
    assert records[6]["value"]["topic"] == "state"
    assert records[7]["value"] == {
        "attention_id": "state-0-0-t1",
        "incident_id": None,
        "site_id": "S1",
        "procedure": None,
        "reason": "FAILED",
        "repeat": 0,
        "cause": "FAILED",
        "covert": False,
        "alert_kinds": [],
        "alert_count": 0,
        "last_alert_at": None,
        "raised_at": at(3),
    }


def test_a_deadline_that_stays_armed_is_a_failure_and_not_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def stays(_site_id: str, state: Any, *_: Any) -> step.Step:
        return step.Step(state, [], [])

    monkeypatch.setattr("streams.simulation.simulation.on_deadline", stays)

    assert told(played(NIGHT, until=at(3)))[6:] == ["00:03:00 S1 attention FAILED", "00:03:00 S1 decisions FAILED"]


def test_what_is_watched_does_not_pile_up() -> None:
    """A site whose deadlines move on is watched once, however many inputs it has."""
    world = Simulation()
    protected = reader(Site)(json.loads(site(at(0)))["value"])
    world.site("S1", protected, Source("sites", 0, 0), 0)
    for number in range(2000):
        now = number * 10_000
        list(world.advance(now))
        world.event(Alert(f"A{number}", "S1", "INTRUSION", now), Source("alerts", 0, number), now)

    assert len(world._heap) <= 3
