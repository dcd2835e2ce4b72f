"""What a site and an incident remember, and for how long (procedure.md §1)."""

from streams.escalation import memory
from streams.escalation.identity import incident_id
from streams.escalation.names import AlertKind
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY, Handled, Remembered, SiteState
from streams.escalation.step import is_forgettable, on_event
from streams.escalation.values import (
    Alert,
    Contact,
    Decision,
    Intervention,
    OperatorAction,
    Site,
    SiteRecord,
    Source,
)
from tests.escalation.world import ADDRESS

DAY = 24 * 3_600_000


def test_an_alert_is_known_by_id_kind_and_instant_for_less_than_a_day() -> None:
    known = (memory.of_alert(Alert("A1", "S1", "INTRUSION", 5), 10),)
    assert memory.knows(known, Remembered("A1", "INTRUSION", 5, 10 + DAY - 1))
    assert not memory.knows(known, Remembered("A1", "INTRUSION", 5, 10 + DAY))
    assert not memory.knows(known, Remembered("A1", "TAMPER", 5, 11))
    assert not memory.knows(known, Remembered("A1", "INTRUSION", 6, 11))
    assert not memory.knows(known, Remembered("A2", "INTRUSION", 5, 11))


def test_the_256_latest_are_remembered_and_the_expired_are_dropped() -> None:
    remembered: tuple[Remembered, ...] = ()
    for number in range(300):
        remembered = memory.remember(remembered, Remembered(f"A{number}", "FIRE", 0, number))
    assert [entry.id for entry in remembered] == [f"A{number}" for number in range(44, 300)]
    late = memory.remember(remembered, Remembered("B", "FIRE", 0, 298 + DAY))
    assert [entry.id for entry in late] == ["A299", "B"]
    assert memory.unexpired(late, 299 + DAY) == late[1:]


def test_the_id_of_an_incident_is_the_same_in_every_release() -> None:
    assert incident_id("S1", "SECURITY", "A1", 1000, 2000) == "28818629cdbf16cc249caceb"
    assert incident_id("S1", "SECURITY", "A1", 1000, 2000, "TAMPER") == "c2bd5ea2f363e38bea35203a"


def test_an_incident_remembers_the_last_64_inputs() -> None:
    handled: tuple[Handled, ...] = ()
    for number in range(70):
        handled = memory.handle(handled, Handled("CALL_RESULT", f"R{number}"))
    assert [entry.id for entry in handled] == [f"R{number}" for number in range(6, 70)]


def test_an_incident_that_is_opened_where_one_was_closed_within_the_millisecond_has_another_id() -> None:
    contact = Contact("c", "OWNER", phone="+33600000001", password_hash="x")
    site = Site("S1", True, (contact,), ADDRESS, None, Intervention(True, ("P1",)), None, 0)
    record = SiteRecord(0, site)

    def opened(state: SiteState, event: Alert | OperatorAction) -> tuple[SiteState, str]:
        step = on_event(state, record, event, Source("alerts", 0, 0), 10, DEFAULTS)
        (decision,) = (output.value for output in step.outputs if isinstance(output.value, Decision))
        assert decision.version == 1
        return step.state._replace(incidents=()), decision.incident_id or ""

    ids = []
    kinds: tuple[AlertKind, ...] = ("INTRUSION", "TAMPER", "HOLD_UP", "FIRE")
    state = EMPTY
    for kind in kinds:
        state, name = opened(state, Alert("A1", "S1", kind, 5))
        ids.append(name)
    state, name = opened(state, OperatorAction("A1", "S1", None, "DISPATCH", "seen", "olga", 5))
    assert len({*ids, name}) == 5
    assert ids[0] == incident_id("S1", "SECURITY", "A1", 5, 10)
    assert ids[3] == incident_id("S1", "FIRE", "A1", 5, 10), "of another procedure, it needs no more"


def test_a_state_is_forgotten_once_it_has_no_incident_and_no_memory() -> None:
    remembered = (Remembered("A1", "FIRE", 5, 10),)
    assert is_forgettable(EMPTY, 0)
    assert is_forgettable(SiteState((), remembered), 10 + DAY)
    assert not is_forgettable(SiteState((), remembered), 9 + DAY)
    site = Site(
        "S1",
        True,
        (Contact("c", "OWNER", phone="+33600000001", password_hash="x"),),
        ADDRESS,
        None,
        Intervention(True, ()),
        None,
        0,
    )
    opened = on_event(EMPTY, SiteRecord(0, site), Alert("A1", "S1", "FIRE", 5), Source("alerts", 0, 0), 10, DEFAULTS)
    assert not is_forgettable(opened.state, 11 + DAY)
