"""What a replay of one site or incident reads of the topics is enough for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from streams.escalation.procedures import DEFAULTS
from streams.escalation.values import OperatorAction
from streams.replay.history import History
from streams.replay.verdict import NO_MEMORY, Verdict
from tests.streams.logbook import RECORDED, Logbook, alert, callback, seconds, site
from tests.streams.test_replaying import told
from tests.streams.test_verification import BookLogs

if TYPE_CHECKING:
    from streams.kafka.reading import Logs

DAY = 24 * 3600


def replayed(book: Logbook, incident_id: str | None = None) -> Verdict:
    """Replay S1, or what one of its incidents needs."""
    known = {(name, one.version): one for name, one in DEFAULTS.items()}
    history = History(cast("Logs", BookLogs(book)), RECORDED, known, lambda _: None)
    return history.replay(0, "S1", incident_id).verdict


def incidents_of(book: Logbook) -> list[str]:
    return list(dict.fromkeys(one.incident_id for one in book.decisions() if one.incident_id is not None))


def test_two_incidents_that_one_callback_closes_are_each_replayed() -> None:
    book = Logbook()
    book.chunk(0, site(), alert("A1"), alert("F1", "FIRE"))
    book.chunk(5, callback("R1", "IDENTIFIED", "NORMAL"))
    for incident in incidents_of(book):
        verdict = replayed(book, incident)
        assert (told(verdict), verdict.unchecked, verdict.decisions) == ([], [], 4)


def test_an_alert_quarantined_in_an_incidents_last_instant_finds_its_place_behind_its_last_decision() -> None:
    """The burglary's last decision is on A2. Then an operator closes the fire, and so F2 opens nothing."""
    book = Logbook()
    book.chunk(0, site(), alert("A1"), alert("F1", "FIRE"))
    burglary, fire = incidents_of(book)
    close = OperatorAction("O1", "S1", fire, "CLOSE", "", "zoe", seconds(9))
    book.chunk(9, site(subscribed=False), alert("A2"), close, alert("F2", "FIRE"))
    assert [one.rule for one in book.decisions()] == ["OPENED", "OPENED", "MERGED", "OPERATOR_CLOSED"]
    for incident in (burglary, fire):
        verdict = replayed(book, incident)
        assert (told(verdict), verdict.unchecked, verdict.quarantined) == ([], [], 1)


def old_and_new() -> Logbook:
    """An incident, another one three days later. In between a site record fails, and the state is set aside."""
    book = Logbook()
    book.chunk(0, site(), alert("A1"))
    book.chunk(5, callback("R1", "IDENTIFIED", "NORMAL"))
    book.fails = {"S1"}
    book.chunk(DAY, site(subscribed=False))
    book.fails = set()
    book.set_aside(DAY + 1, "S1")
    book.chunk(3 * DAY, alert("A2", raised=3 * DAY))
    book.chunk(3 * DAY + 1, "S1", alert("F1", "FIRE", raised=3 * DAY))
    book.chunk(3 * DAY + 2, callback("R2", "IDENTIFIED", "NORMAL"))
    return book


def test_a_site_record_that_was_put_away_long_before_did_not_come_into_force() -> None:
    """F1 finds a deleted site, whose last record in force was the first: the second is a dead letter."""
    book = old_and_new()
    assert (told(replayed(book)), replayed(book).quarantined) == ([], 1)
    verdict = replayed(book, incidents_of(book)[-1])
    assert (told(verdict), verdict.decisions, verdict.quarantined) == ([], 2, 1)
    del book.logs["decisions"][:2]  # as retention does
    assert (told(replayed(book)), replayed(book).quarantined) == ([], 1)


def test_a_state_set_aside_before_the_first_decision_leaves_open_what_the_site_remembers() -> None:
    """A1 was accepted after the state was set aside, before the decisions that are still in the log."""
    book = Logbook()
    book.chunk(0, site(), alert("A0"))
    book.set_aside(5, "S1")
    book.chunk(10, alert("A1"))
    book.chunk(20, callback("R1", "IDENTIFIED", "NORMAL"))
    book.chunk(30, alert("A2"))
    book.chunk(40, callback("R2", "IDENTIFIED", "NORMAL"))
    book.chunk(50, alert("A1"))
    assert [one.rule for one in book.decisions()][-2:] == ["RESOLVED_BY_CALLBACK", "DUPLICATE_ALERT"]
    del book.logs["decisions"][:3], book.logs["attention"][:1]
    verdict = replayed(book)
    assert (told(verdict), [one.reason for one in verdict.unchecked]) == ([], [NO_MEMORY])
