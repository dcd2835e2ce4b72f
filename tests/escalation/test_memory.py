"""What a site and an incident remember, and for how long (procedure.md §1)."""

from streams.escalation import memory
from streams.escalation.state import Handled, Remembered
from streams.escalation.values import Alert

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


def test_an_incident_remembers_the_last_64_inputs() -> None:
    handled: tuple[Handled, ...] = ()
    for number in range(70):
        handled = memory.handle(handled, Handled("CALL_RESULT", f"R{number}"))
    assert [entry.id for entry in handled] == [f"R{number}" for number in range(6, 70)]
