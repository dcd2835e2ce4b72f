"""A deadline on which the core fails hands the incident over; the core refuses to fire what is not armed."""

import pytest

from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY, PHASE, Deadline
from streams.escalation.step import Step, on_deadline, on_event, on_failed_deadline
from streams.escalation.values import (
    Address,
    Alert,
    Attention,
    Contact,
    Decision,
    InputRef,
    Intervention,
    Site,
    SiteRecord,
    Source,
)

ANN = Contact("ann", "OWNER", phone="+33639980001", password_hash="hash")
RECORD = SiteRecord(3, Site("S1", True, (ANN,), Address("1 rue", None, "1", "C", "FR"), None, Intervention(), None, 0))


@pytest.fixture
def opened() -> Step:
    return on_event(EMPTY, RECORD, Alert("A1", "S1", "FIRE", 1), Source("alerts", 0, 0), 1000, DEFAULTS)


def test_the_incident_is_handed_over_with_rule_and_attention_failed(opened: Step) -> None:
    (due,) = opened.state.deadlines()
    step = on_failed_deadline("S1", opened.state, RECORD, due, due.at + 7)
    attention, decision = (output.value for output in step.outputs)
    assert isinstance(attention, Attention)
    assert isinstance(decision, Decision)
    assert (attention.reason, attention.repeat, attention.cause) == ("FAILED", 0, "FAILED")
    assert (decision.rule, decision.phase_to, decision.deadline) == ("FAILED", "HANDED_OVER", due.at + 7 + 1_800_000)
    assert decision.input == InputRef("DEADLINE", due.incident_id, None, None, None)
    (again,) = step.state.deadlines()
    later = on_deadline("S1", step.state, RECORD, again, again.at)
    repeated = later.outputs[0].value
    assert isinstance(repeated, Attention)
    assert (repeated.reason, repeated.repeat, repeated.cause) == ("FAILED", 1, "STILL_HANDED_OVER")


def test_a_deadline_never_fires_early(opened: Step) -> None:
    (due,) = opened.state.deadlines()
    with pytest.raises(AssertionError, match="early"):
        on_deadline("S1", opened.state, RECORD, due, due.at - 1)


def test_a_deadline_that_is_not_armed_does_not_fire(opened: Step) -> None:
    with pytest.raises(AssertionError, match="armed"):
        on_deadline("S1", opened.state, RECORD, Deadline(5, opened.state.incidents[0].incident_id, PHASE), 1000)
