"""What a desk keeps of what it reads, in any order, and what it lets go of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edges.desk import signal_index
from edges.desk.progress import Place
from edges.desk.state import CLOSED_KEPT, DAY_MS, DeskState
from edges.values import Decision, InputRef
from tests.edges.desk.scene import T0, Desk, Recorded, Scene, contact, decisions_first, handed_over, opened
from tests.support.examples import examples


def test_an_inbound_result_is_of_what_was_open_then() -> None:
    scene, first = opened()
    scene.result(20, None, "IDENTIFIED", "NORMAL", direction="INBOUND")
    for at in (2000, 3990):
        scene.result(at, None, "DURESS_CODE", direction="INBOUND")
    scene.alert(4000, "TAMPER", "A2")
    state = Desk(decisions_first(scene.records)).state
    assert [kept.offset for kept in state.incidents[first].kept if kept.topic == "call-results"] == [0]
    second = state.incidents[scene.incident_id]
    assert "call-results" not in {kept.topic for kept in second.kept}
    assert not second.is_duress


def test_an_inbound_result_of_a_sender_whose_clock_is_behind_is_of_what_is_open() -> None:
    scene, incident = opened()
    result = scene.result(20, None, "NOT_IDENTIFIED", "ABNORMAL", direction="INBOUND")
    records = [
        (place._replace(timestamp=T0 - 60_000) if place.topic == "call-results" else place, data)
        for place, data in scene.records
    ]
    end = next(number for number, (place, _) in enumerate(records) if place.topic == "call-results") + 1
    live = Desk(records[:end])
    assert set(live.state.incidents[incident].awaited) == {result}
    (one,) = live.state.incidents[incident].awaited.values()
    assert live.state.progress[0].is_awaited(one, 0, until_passed_over=True)
    live.read(records[end:])
    again = Desk(decisions_first(records))
    for state in (live.state, again.state):
        known = state.incidents[incident]
        assert (known.awaited, known.decided) == ({}, frozenset())
        assert "call-results" in {kept.topic for kept in known.kept}


@pytest.mark.parametrize(("outcome", "is_open"), [("DURESS_CODE", True), ("NOT_IDENTIFIED", False)])
def test_a_late_call_for_help_is_of_what_is_open_once_its_own_incident_has_ended(outcome: str, is_open: bool) -> None:
    scene, first = opened()
    scene.action(20, "CLOSE", first)
    scene.alert(30, "FIRE", "A2")
    result = scene.result(40, f"{first}-c1.1", outcome)
    end = next(number for number, (place, _) in enumerate(scene.records) if place.topic == "call-results") + 1
    live = Desk(scene.records[:end])
    assert (result in live.state.incidents[scene.incident_id].awaited) is is_open
    live.read(scene.records[end:])
    for state in (live.state, Desk(decisions_first(scene.records)).state):
        known = state.incidents[scene.incident_id]
        assert (known.is_duress, known.awaited, known.decided) == (is_open, {}, frozenset())
        assert ("call-results" in {kept.topic for kept in known.kept}) is is_open
        assert f"{first}-c1.1" not in known.answers
        assert f"{first}-c1.1" in state.incidents[first].answers


def test_words_are_counted_by_command_and_by_site() -> None:
    scene, incident = opened()
    call = f"{incident}-c1.1"
    for at, detail in ((20, "WRONG"), (25, "WRONG"), (30, "RIGHT")):
        scene.event(at, "WORD_TRIED", call, detail, incident)
    state = Desk(scene.records, at=31).state
    assert state.tries[call] == ("WRONG", "WRONG", "RIGHT")
    assert state.wrong_words("S1", T0 + 31_000) == 2
    assert state.wrong_words("S1", T0 + 3622_000) == 1


def test_signals_of_a_site_by_time() -> None:
    scene = Scene()
    scene.signal(1)
    scene.signal(2, site_id="S2")
    scene.signal(400)
    index = Desk(scene.records).state.signals[0]
    assert index.between("S1", T0, T0 + 500_000) == [0, 2]
    assert index.between("S1", T0 + 1001, T0 + 400_000) == [2]
    assert index.between("S3", T0, T0 + 500_000) == []


def test_signals_stay_for_a_day_and_those_of_an_incident_for_as_long_as_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal_index, "_SWEPT_EVERY", 4)
    scene, _ = opened()
    for at in (-400, -200, 20):
        scene.signal(at)
    for day in range(1, 4):
        for at in range(4):
            scene.signal(day * 86_400 + at, site_id="S2")
    index = Desk(scene.records).state.signals[0]
    week = T0 + 7 * DAY_MS
    assert index.between("S1", 0, week) == [1, 2]
    assert len(index.between("S2", T0, week)) < 12
    assert len(index) == 2 + len(index.between("S2", T0, week))
    scene.action(4 * 86_400, "CLOSE", scene.incident_id)
    desk = Desk(scene.records)
    desk.state._forget(T0 + 6 * DAY_MS)
    before = len(scene.records)
    for at in range(4):
        scene.signal(6 * 86_400 + at, site_id="S2")
    desk.read(scene.records[before:])
    assert desk.state.signals[0].between("S1", 0, week) == []


def a_whole_night() -> Scene:
    scene = Scene()
    scene.site()
    scene.signal(1)
    scene.alert(2)
    incident = scene.incident_id
    scene.claim(3, "TAKE", f"{incident}-c1.1")
    scene.event(5, "WORD_TRIED", f"{incident}-c1.1", "WRONG", incident)
    scene.result(10, f"{incident}-c1.1", "WRONG_CODE", "NORMAL")
    scene.alert(11, "FIRE", "A2")
    scene.until(140)
    scene.alert(300, "TAMPER", "A3")
    scene.result(310, f"{incident}-c2.1", "NOT_IDENTIFIED", "ABNORMAL")
    scene.report(330, f"{incident}-d1", "REJECTED")
    scene.event(340, "ATTENTION_SEEN", f"{incident}-t1", incident_id=incident)
    scene.until(400)
    scene.site("S3")
    for at in (500, 5000, 9000):
        scene.alert(at, "TAMPER", f"A{at}", "S3")
        scene.result(at + 20, f"{scene.incident_id}-c1.1", "IDENTIFIED", "NORMAL", site_id="S3")
    return scene


def a_quiet_partition() -> Scene:
    """A hold-up on partition 1, from before most that happens on partition 0."""
    scene = Scene(partition=1)
    scene.site("S2")
    scene.alert(2, "HOLD_UP", "A4", "S2")
    incident = scene.incident_id
    scene.claim(3, "TAKE", f"{incident}-c1.1", "zoe", site_id="S2")
    scene.event(4, "WORD_TRIED", f"{incident}-c1.1", "DURESS", incident, "S2")
    scene.result(5, f"{incident}-c1.1", "DURESS_CODE", site_id="S2")
    scene.event(40, "UNDELIVERED", f"{incident}-d1-r1", None, incident, "S2")
    return scene


NIGHT = a_whole_night().records + a_quiet_partition().records
MORNING = 9100


@pytest.mark.slow
@examples(60)
@given(st.data())
def test_any_order_among_topics_comes_to_the_same(data: st.DataObject) -> None:
    queues: dict[tuple[str, int], list[Recorded]] = {}
    for record in NIGHT:
        queues.setdefault((record[0].topic, record[0].partition), []).append(record)
    mixed: list[Recorded] = []
    is_whole_first = data.draw(st.booleans())  # one log after the other, as a desk may get them that was started again
    while queues:
        log = data.draw(st.sampled_from(sorted(queues)))
        count = len(queues[log]) if is_whole_first else 1
        mixed += queues[log][:count]
        del queues[log][:count]
        if not queues[log]:
            del queues[log]
    expected, desk = Desk(NIGHT, at=MORNING), Desk(mixed, at=MORNING)
    assert desk.items() == expected.items()
    assert desk.state.tries == expected.state.tries
    for incident_id, incident in expected.state.incidents.items():
        other = desk.state.incidents[incident_id]
        for name in incident.__slots__:
            value, another = getattr(incident, name), getattr(other, name)
            if name == "kept":
                value, another = sorted(value), sorted(another)
            if name != "attentions":
                assert another == value, name


def test_a_call_read_before_its_decision_outlasts_what_ends_meanwhile_elsewhere() -> None:
    quiet = Scene(partition=1)
    for number in (1, 2):
        quiet.site(f"Q{number}")
    quiet.alert(1, "TAMPER", "A1", "Q1")
    before = len(quiet.records)
    quiet.alert(9000, "HOLD_UP", "A2", "Q2")
    later = sorted(quiet.records[before:], key=lambda record: record[0].topic == "decisions")
    assert later[-1][0].topic == "decisions"
    desk = Desk([*quiet.records[:before], *later[:-1], *a_whole_night().records, later[-1]], at=9001)
    assert desk.items()[0].subject == f"{quiet.incident_id}-c1.1"


def test_what_never_began_is_forgotten_once_decisions_are_read_beyond_it() -> None:
    scene = Scene()
    for site in ("S1", "S2"):
        scene.site(site)
    scene.result(10, "beef-c1.1", "NO_ANSWER")
    strange = scene.records[-2:]
    desk = Desk([record for record in strange if record[0].topic == "call-results"])
    assert set(desk.state.incidents) == {"beef"}
    for at in (20, 8000):
        scene.alert(at, "TAMPER", f"A{at}", "S2")
        scene.result(at + 1, f"{scene.incident_id}-c1.1", "IDENTIFIED", "NORMAL", site_id="S2")
    desk.read([record for record in scene.records if record not in strange])
    ended = {value.incident_id for value in scene.values("decisions") if value.site_id == "S2"}
    assert set(desk.state.incidents) == ended
    desk.read(strange)
    assert set(desk.state.incidents) == ended
    assert set(desk.state.of_site) == {"S2"}


def test_reading_a_log_again_changes_nothing() -> None:
    desk = Desk(NIGHT, at=MORNING)
    before = desk.items()
    kept = {key: list(incident.kept) for key, incident in desk.state.incidents.items()}
    decisions = [record for record in NIGHT if record[0].topic in {"decisions", "calls", "attention", "call-results"}]
    desk.read(decisions)
    desk.update(MORNING + 1)
    assert desk.items() == before
    assert {key: list(incident.kept) for key, incident in desk.state.incidents.items()} == kept


@pytest.mark.slow
@pytest.mark.parametrize("closed", [3, 12_000])
def test_what_has_ended_is_forgotten_after_a_day(closed: int) -> None:

    state = DeskState(1)

    def decide(number: int, at: int, phase: str, version: int) -> None:
        ref = InputRef("DEADLINE", "x", None, None, None)
        decision = Decision(
            f"i{number}-v{version}", f"i{number}", "security/1", f"S{number}", version, at, ref, None, "RESOLVED",
            None, phase, None, None, None, None, (),
        )  # fmt: skip
        state.apply(Place("decisions", 0, number, at, 0.0), decision, b"")

    for number in range(closed):
        decide(number, T0, "CLOSED", 1)
    assert len(state.incidents) == min(closed, CLOSED_KEPT)
    decide(closed, T0 + DAY_MS + 1, "CLOSED", 1)
    assert set(state.incidents) == {f"i{closed}"}
    assert set(state.of_site) == {f"S{closed}"}


def test_what_incidents_have_alike_is_one_object() -> None:
    scene = Scene()
    scene.site("S1", contact("ann"), contact("bob"))
    scene.site("S2")
    for number in (1, 2):
        scene.alert(number, "INTRUSION", f"A{number}", f"S{number}")
        scene.result(10 + number, f"{scene.incident_id}-c1.1", "NO_ANSWER", site_id=f"S{number}")
    one, two = Desk(scene.records).state.incidents.values()
    first, second = one.calls.values()
    other = next(iter(two.calls.values()))
    assert first.incident_id is second.incident_id is one.id
    assert first.site_id is second.site_id is one.site_id
    assert first.alert_kinds is second.alert_kinds
    assert first.procedure is other.procedure
    assert one.phase is two.phase
    assert one.answers[first.command_id][0].operator is two.answers[other.command_id][0].operator


def test_what_people_did_long_ago_is_forgotten() -> None:
    scene, _ = opened()
    scene.event(20, "CALL_PLACED", "x-callback-1", "ann")
    scene.event(21, "WORD_TRIED", "x-callback-1", "WRONG")
    scene.result(22, None, "DURESS_CODE", direction="INBOUND", site_id="nowhere")
    help_id = f"call-results-0-{len(scene.values('call-results')) - 1}-t1"
    scene.event(23, "ATTENTION_SEEN", help_id)
    scene.action(24, "CLOSE", scene.incident_id)
    state = Desk(scene.records, at=25).state
    assert state.callbacks
    assert state.partition_of("x-callback-1") == 0
    assert state.actions
    state._forget(T0 + 2 * DAY_MS)
    assert (state.callbacks, state.actions, state.wrong_at, dict(state.incidents)) == ({}, {}, {}, {})
    assert help_id not in state.attentions
    assert state.partition_of("x-callback-1") is None
    assert "x-callback-1" not in state.tries
    assert help_id in state.seen
    state._forget(T0 + 9 * DAY_MS)
    assert state.seen == {}


def test_what_was_seen_of_an_open_incident_stays_seen() -> None:
    scene, incident = handed_over()
    scene.event(21, "UNDELIVERED", f"{incident}-d1-cancel", None, incident)
    for subject in (f"{incident}-t1", f"{incident}-d1-cancel"):
        scene.event(30, "ATTENTION_SEEN", subject, incident_id=incident)
    desk = Desk(scene.records, at=31)
    desk.state._forget(T0 + 10 * DAY_MS)
    later = len(scene.records)
    scene.until(1900)
    desk.read(scene.records[later:])  # still handed over: all of it is looked at again
    desk.update(1901)
    assert desk.subjects() == [f"{incident}-t2"]
    assert desk.state.partition_of(f"{incident}-d1-cancel") == 0
