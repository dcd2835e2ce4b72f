"""What a desk awaits of the engine, and for how long."""

from __future__ import annotations

import pytest

from edges.desk.progress import Progress
from edges.values import Decision, InputRef
from tests.edges.desk.scene import T0, Desk, contact, decisions_first, opened, read


def test_what_the_engine_passes_over_is_awaited_no_more() -> None:
    def awaited(*, until: float, result_at: float | None = None, is_dead: bool = False) -> bool:
        scene, incident = opened()
        scene.site("S2", contact("cleo"))
        lost = scene.result(20, None, "NOT_IDENTIFIED", direction="INBOUND")
        scene.alert(50, alert_id="A2", site_id="S2")
        if result_at is not None:
            scene.result(result_at, None, "NOT_IDENTIFIED", direction="INBOUND", site_id="S2")
        scene.alert(until, "FIRE", alert_id="A3", site_id="S2")
        records = [
            (place, data)
            for place, data in scene.records
            if place.topic != "decisions" or read("decisions")(data).input.id != lost
        ]
        state = Desk(records, at=until).state
        (one,) = state.incidents[incident].awaited.values()
        for offset in (one.offset + 1, *([one.offset] if is_dead else [])):
            state.progress[0].bury(one.topic, offset)
        return state.progress[0].is_awaited(one, until * 1000, until_passed_over=True)

    assert awaited(until=64)
    assert awaited(until=1000), "what the engine decides meanwhile may have come to another topic"
    assert not awaited(until=64, is_dead=True)
    assert not awaited(until=64, result_at=52)


def test_what_found_nothing_open_is_awaited_no_more() -> None:
    progress = Progress()
    ref = InputRef("CALL_RESULT", "R1", "call-results", 0, 7)
    decision = Decision(
        "call-results-0-7", None, None, "S1", 0, T0, ref, None, "NO_OPEN_INCIDENT",
        None, None, None, None, None, None, (),
    )  # fmt: skip
    progress.take(decision._replace(incident_id="i1"), T0)
    assert not progress.has_handled("call-results", 7), "another incident may have a decision on it, too"
    progress.take(decision, T0)
    assert progress.has_handled("call-results", 7)


def test_dead_letters_are_forgotten_once_the_engine_is_beyond_them() -> None:
    progress = Progress()
    for topic in ("call-results", "alerts"):
        for offset in (9, 5, 5, 3):
            progress.bury(topic, offset)
    assert [offset for offset in range(12) if progress.has_ended("call-results", offset)] == [3, 5, 9]
    assert not progress.has_ended("alerts", 5), "alerts are not awaited"
    ref = InputRef("CALL_RESULT", "R1", "call-results", 0, 6)
    decision = Decision("x", None, None, "S1", 0, T0, ref, None, "x", None, None, None, None, None, None, ())
    progress.take(decision, T0)
    progress.bury("call-results", 4)
    assert [offset for offset in range(12) if progress.has_ended("call-results", offset)] == [*range(7), 9]
    assert progress._dead["call-results"] == [9]


@pytest.mark.parametrize("named", ["nothing", "what has ended", "what ends meanwhile"])
def test_what_the_engine_comes_to_late_is_awaited_by_what_is_open_then(named: str) -> None:
    """As behind an outage: what was said half an hour ago is read, and the engine decides on all else first."""
    scene, first = opened()
    if named == "what ends meanwhile":
        scene.alert(15, "FIRE", "A2")
        read_at = len(scene.records)
        scene.action(20, "CLOSE", first)
    else:
        scene.action(20, "CLOSE", first)
        read_at = len(scene.records)
        scene.alert(1800, "FIRE", "A2")
    decided = len(scene.records)
    command = None if named == "nothing" else f"{first}-c1.1"
    result = scene.result(1830, command, "NOT_IDENTIFIED", "ABNORMAL", direction="INBOUND")
    (said,) = (record for record in scene.records if record[0].topic == "call-results")
    said = (said[0]._replace(timestamp=T0 + 30_000), said[1])
    before = [*scene.records[:read_at], said, *scene.records[read_at:decided]]
    after = [record for record in scene.records[decided:] if record[0].topic != "call-results"]
    live = Desk(before)
    for state in (live.state, Desk(decisions_first(before)).state):
        assert {*state.incidents[scene.incident_id].awaited} == {result}
    live.read(after)
    for state in (live.state, Desk(decisions_first([*before, *after])).state):
        known = state.incidents[scene.incident_id]
        assert (known.awaited, known.decided) == ({}, frozenset())
        assert "call-results" in {kept.topic for kept in known.kept}


@pytest.mark.parametrize("named", ["nothing", "what has ended"])
def test_what_was_a_dead_letter_is_nothing_of_an_incident_that_opens_later(named: str) -> None:
    scene, first = opened()
    scene.action(20, "CLOSE", first)
    command = None if named == "nothing" else f"{first}-c1.1"
    scene.result(30, command, "DURESS_CODE", direction="INBOUND")
    scene.alert(1800, "TAMPER", "A2")
    records = [
        record for record in scene.records if record[0].topic != "decisions" or record[0].timestamp != T0 + 30_000
    ]
    desk = Desk([])
    desk.state.progress[0].bury("call-results", 0)
    desk.read(decisions_first(records))
    known = desk.state.incidents[scene.incident_id]
    assert (known.is_duress, known.needs_supervisor, known.awaited) == (False, False, {})
    assert "call-results" not in {kept.topic for kept in known.kept}


def test_an_answer_that_was_put_back_is_awaited_after_a_restart_too() -> None:
    scene, incident = opened()
    result = scene.result(20, f"{incident}-c1.1", "NOT_IDENTIFIED", direction="INBOUND")
    (said,) = (record for record in scene.records if record[0].topic == "call-results")
    others = [record for record in scene.records if record[0].timestamp < T0 + 20_000]
    desk = Desk(others)
    progress = desk.state.progress[0]
    progress.bury("call-results", 0)
    progress._handled["call-results"] = 1  # that of another home
    desk.read([said, (said[0]._replace(offset=2), said[1])])
    (awaited,) = desk.state.incidents[incident].awaited.items()
    assert (awaited[0], awaited[1].offset) == (result, 2)


@pytest.mark.parametrize(
    ("outcome", "situation"),
    [("NOT_IDENTIFIED", "UNKNOWN"), ("NOT_IDENTIFIED", "ABNORMAL"), ("DURESS_CODE", "UNKNOWN")],
)
def test_what_lies_on_another_partition_or_is_of_another_site_is_no_answer_of_an_incident(
    outcome: str, situation: str
) -> None:
    scene, incident = opened()
    scene.result(20, f"{incident}-c1.1", outcome, situation)
    (result,) = [record for record in scene.records if record[0].topic == "call-results"]
    for partition, site_id, count in ((0, "S1", 1), (1, "S1", 0), (0, "S2", 0)):
        desk = Desk(opened()[0].records)
        desk.state.progress.append(Progress())
        value = read("call-results")(result[1])._replace(site_id=site_id)
        desk.state.apply(result[0]._replace(partition=partition), value, result[1])
        desk.update(21)
        known = desk.state.incidents[incident]
        assert (len(known.awaited), len(known.answers)) == (count, count)
        assert desk.subjects() == [f"{incident}-c1.1"] * (1 - count)
        assert known.is_duress == (count == 1 and outcome == "DURESS_CODE")


def test_an_incident_is_on_the_partition_of_its_decisions_whatever_was_read_before() -> None:
    scene, incident = opened()
    scene.result(20, f"{incident}-c1.1", "NOT_IDENTIFIED")
    (said,) = (record for record in scene.records if record[0].topic == "call-results")
    desk = Desk([])
    desk.state.progress.append(Progress())
    desk.state.apply(said[0]._replace(partition=1), read("call-results")(said[1]), said[1])
    desk.read(record for record in scene.records if record[0].timestamp < T0 + 20_000)
    known = desk.state.incidents[incident]
    assert (known.partition, known.awaited, known.answers) == (0, {}, {})
