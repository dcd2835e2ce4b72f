"""What an incident keeps of its alerts, and which deadlines a step armed (procedure.md §5, §7)."""

from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import AMEND, EMPTY, PHASE, Deadline, Incident, SiteState
from streams.escalation.step import on_event, set_aside_attention
from streams.escalation.values import Alert, Attention, Contact, Intervention, Site, SiteRecord, Source
from tests.escalation.world import ADDRESS

CONTACT = Contact("c", "OWNER", phone="+33600000001", password_hash="x")
RECORD = SiteRecord(0, Site("S1", True, (CONTACT,), ADDRESS, None, Intervention(True, ("P1",)), None, 0))


def alerted(state: SiteState, alert_id: str, now: int) -> SiteState:
    return on_event(state, RECORD, Alert(alert_id, "S1", "FIRE", now - 5), Source("alerts", 0, 0), now, DEFAULTS).state


def changed(incident: Incident, *, name: str | None = None, deadline: int | None, amend_due: int | None) -> Incident:
    copy = incident.copy()
    copy.incident_id = name or incident.incident_id
    copy.deadline, copy.amend_due = deadline, amend_due
    return copy


def test_a_merge_keeps_the_time_of_the_first_alert_and_moves_that_of_the_last() -> None:
    state = alerted(alerted(EMPTY, "A1", 1000), "A2", 3000)
    (incident,) = state.incidents
    assert (incident.alert_count, incident.first_alert_at, incident.last_alert_at) == (2, 995, 2995)
    assert incident.last_accepted_at == 3000


def test_a_copy_has_every_field_and_leaves_the_original_alone() -> None:
    (incident,) = alerted(EMPTY, "A1", 1000).incidents
    copy = incident.copy()
    assert copy == incident
    assert copy is not incident
    copy.alert_count += 1
    assert incident.alert_count == 1


def test_only_deadlines_that_were_not_armed_before_are_new() -> None:
    (incident,) = alerted(EMPTY, "A1", 1000).incidents
    fire = changed(incident, name="F", deadline=10, amend_due=None)
    security = changed(incident, name="S", deadline=20, amend_due=30)
    before = SiteState((fire, security))
    assert before.deadlines_since(EMPTY) == before.deadlines()
    assert before.deadlines() == [Deadline(10, "F", PHASE), Deadline(20, "S", PHASE), Deadline(30, "S", AMEND)]
    assert before.deadlines_since(before) == []
    later = SiteState((changed(fire, deadline=10, amend_due=40), changed(security, deadline=21, amend_due=30)))
    assert later.deadlines_since(before) == [Deadline(40, "F", AMEND), Deadline(21, "S", PHASE)]
    gone = SiteState((changed(fire, deadline=None, amend_due=None), changed(security, deadline=20, amend_due=31)))
    assert gone.deadlines_since(before) == [Deadline(31, "S", AMEND)]


def test_the_next_deadline_is_the_earlier_of_the_two() -> None:
    (incident,) = alerted(EMPTY, "A1", 1000).incidents
    times = [(None, None, None), (10, None, 10), (None, 20, 20), (10, 20, 10), (20, 10, 10)]
    for deadline, amend_due, earlier in times:
        assert changed(incident, deadline=deadline, amend_due=amend_due).next_deadline() == earlier


def test_the_attention_of_a_state_that_is_set_aside_is_covert_if_one_of_its_incidents_was() -> None:
    state = alerted(EMPTY, "A1", 1000)
    source = Source("state", 4, 17)
    plain = set_aside_attention("S1", state, source, 2000)
    assert plain == Attention(
        "state-4-17-t1", None, "S1", None, "FAILED", 0, "FAILED", covert=False,
        alert_kinds=(), alert_count=0, last_alert_at=None, raised_at=2000,
    )  # fmt: skip
    assert set_aside_attention("S1", None, source, 2000) == plain
    (incident,) = state.incidents
    incident.covert = True
    assert set_aside_attention("S1", state, source, 2000) == plain._replace(covert=True)
