"""What a command carries of the site and of the contract, whichever rule sends it."""

from streams.escalation.names import ReportStatus
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY
from streams.escalation.step import Step, on_deadline, on_event
from streams.escalation.values import (
    Address,
    Alert,
    CallCommand,
    Contact,
    Decision,
    DispatchCommand,
    DispatchReport,
    Intervention,
    Site,
    SiteRecord,
    Source,
)

ANN = Contact("ann", "OWNER", first_name="Ann", phone="+33639980001", password_hash="hash")
ADDRESS = Address("1 rue", None, "1", "C", "FR")
TWO = Intervention(partners=("P1", "P2"))
WITH = Site("S1", True, (ANN,), ADDRESS, "the key is under the mat", TWO, None, 0)


def nobody_reached(site: Site) -> list[Step]:
    """An alert, and no answer until a guard is asked."""
    record = SiteRecord(3, site)
    steps = [on_event(EMPTY, record, Alert("A1", "S1", "INTRUSION", 1), Source("alerts", 0, 0), 1000, DEFAULTS)]
    while not dispatches(steps[-1]):
        (due,) = steps[-1].state.deadlines()
        steps.append(on_deadline("S1", steps[-1].state, record, due, due.at))
    return steps


def dispatches(step: Step) -> list[DispatchCommand]:
    return [output.value for output in step.outputs if isinstance(output.value, DispatchCommand)]


def report(step: Step, dispatch: DispatchCommand, status: ReportStatus) -> Step:
    """A partner's report on a dispatch, a second after the step."""
    at = dispatch.issued_at + 1000
    value = DispatchReport(
        f"{dispatch.dispatch_id}-{status}", "S1", dispatch.incident_id, dispatch.dispatch_id, dispatch.partner_id,
        status, None, None, at,
    )  # fmt: skip
    return on_event(step.state, SiteRecord(3, WITH), value, Source("dispatch-reports", 0, 0), at, DEFAULTS)


def test_every_call_that_gets_no_answer_leaves_a_message() -> None:
    calls = [output.value for step in nobody_reached(WITH) for output in step.outputs]
    assert {call.leave_message for call in calls if isinstance(call, CallCommand)} == {True}


def test_a_guard_is_told_the_address_and_the_instructions() -> None:
    for site in (WITH, WITH._replace(instructions=None)):
        *_, last = nobody_reached(site)
        (request,) = dispatches(last)
        assert (request.action, request.address, request.instructions) == ("REQUEST", ADDRESS, site.instructions)


def test_a_guard_on_site_cannot_reject_any_more_even_one_asked_second() -> None:
    *_, step = nobody_reached(WITH)
    (first,) = dispatches(step)
    step = report(step, first, "REJECTED")
    (second,) = dispatches(step)
    assert second.partner_id == "P2"
    step = report(report(step, second, "ACCEPTED"), second, "ON_SITE")
    after = report(step, second, "REJECTED")
    assert [output.value.rule for output in after.outputs if isinstance(output.value, Decision)] == ["STALE_REPORT"]
