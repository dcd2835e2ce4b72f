"""What a command carries of the site and of the contract, whichever rule sends it."""

from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY
from streams.escalation.step import Step, on_deadline, on_event
from streams.escalation.values import (
    Address,
    Alert,
    CallCommand,
    Contact,
    DispatchCommand,
    Intervention,
    Site,
    SiteRecord,
    Source,
)

ANN = Contact("ann", "OWNER", first_name="Ann", phone="+33639980001", password_hash="hash")
ADDRESS = Address("1 rue", None, "1", "C", "FR")
WITH = Site("S1", True, (ANN,), ADDRESS, "the key is under the mat", Intervention(partners=("P1",)), None, 0)


def nobody_reached(site: Site) -> list[Step]:
    """An alert, and no answer until a guard is asked."""
    record = SiteRecord(3, site)
    steps = [on_event(EMPTY, record, Alert("A1", "S1", "INTRUSION", 1), Source("alerts", 0, 0), 1000, DEFAULTS)]
    while not any(isinstance(output.value, DispatchCommand) for output in steps[-1].outputs):
        (due,) = steps[-1].state.deadlines()
        steps.append(on_deadline("S1", steps[-1].state, record, due, due.at))
    return steps


def test_every_call_that_gets_no_answer_leaves_a_message() -> None:
    calls = [output.value for step in nobody_reached(WITH) for output in step.outputs]
    assert {call.leave_message for call in calls if isinstance(call, CallCommand)} == {True}


def test_a_guard_is_told_the_address_and_the_instructions() -> None:
    for site in (WITH, WITH._replace(instructions=None)):
        *_, last = nobody_reached(site)
        (request,) = [output.value for output in last.outputs if isinstance(output.value, DispatchCommand)]
        assert (request.action, request.address, request.instructions) == ("REQUEST", ADDRESS, site.instructions)
