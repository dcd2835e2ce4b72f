"""Ids of actions; what is verified; what is late."""

from __future__ import annotations

from edges.desk import rules
from edges.desk.tries import BEYOND
from tests.edges.desk.scene import T0, Desk, Scene


def test_an_action_has_an_id_by_its_key() -> None:
    assert rules.action_id("i", "CLOSE", "k1") == rules.action_id("i", "CLOSE", "k1")
    assert rules.action_id("i", "CLOSE", "k1") != rules.action_id("i", "CLOSE", "k2")
    assert rules.action_id("i", "DISPATCH", "k1").startswith("i-dispatch-")


def test_who_is_identified_said_the_word_and_who_was_wrong_said_a_wrong_one_last() -> None:
    assert rules.is_verified("IDENTIFIED", ("WRONG", "RIGHT"))
    assert not rules.is_verified("IDENTIFIED", ())
    assert not rules.is_verified("IDENTIFIED", ("RIGHT", "WRONG"))
    assert not rules.is_verified("IDENTIFIED", ("DURESS",))
    assert not rules.is_verified("IDENTIFIED", ("WRONG", BEYOND))
    assert rules.is_verified("IDENTIFIED", ("WRONG", BEYOND), is_supervisor=True)
    assert rules.is_verified("WRONG_CODE", ("RIGHT", "WRONG"))
    assert not rules.is_verified("WRONG_CODE", ("RIGHT",))
    assert not rules.is_verified("WRONG_CODE", ())
    for outcome in ("NOT_IDENTIFIED", "DURESS_CODE", "NO_ANSWER"):
        assert rules.is_verified(outcome, ())


def test_a_result_is_late_once_its_call_has_expired_or_another_was_said() -> None:
    scene = Scene()
    scene.site()
    scene.alert(10)
    call_id = f"{scene.incident_id}-c1.1"
    state = Desk(scene.records).state
    command = state.command(call_id)
    assert command is not None
    assert not rules.is_late(*command, "r1", T0 + 129_000)
    assert rules.is_late(*command, "r1", T0 + 130_000)
    result = scene.result(20, call_id, "NO_ANSWER")
    command = Desk(scene.records).state.command(call_id)
    assert command is not None
    assert rules.is_late(*command, "another", T0 + 21_000)
    assert not rules.is_late(*command, result, T0 + 500_000)
    assert rules.was_said(command[0], call_id, result)


def test_what_was_late_is_late_when_said_again() -> None:
    scene = Scene()
    scene.site()
    scene.alert(10)
    expired = f"{scene.incident_id}-c1.1"
    late = [(expired, scene.result(140, expired, "NOT_IDENTIFIED"))]
    withdrawn = f"{scene.incident_id}-c1.2"
    scene.result(150, None, "IDENTIFIED", "NORMAL", direction="INBOUND")
    late.append((withdrawn, scene.result(155, withdrawn, "DURESS_CODE")))
    state = Desk(scene.records).state
    for call_id, result in late:
        command = state.command(call_id)
        assert command is not None
        assert rules.was_said(command[0], call_id, result)
        assert rules.is_late(*command, result, T0 + 160_000)
