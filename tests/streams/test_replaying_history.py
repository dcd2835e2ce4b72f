"""What a replay of one site or incident reads of the topics is enough for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from streams.escalation.procedures import DEFAULTS
from streams.escalation.values import OperatorAction
from streams.replay.history import History
from streams.replay.verdict import Verdict
from tests.streams.logbook import RECORDED, Logbook, alert, callback, seconds, site
from tests.streams.test_replaying import told
from tests.streams.test_verification import BookLogs

if TYPE_CHECKING:
    from streams.kafka.reading import Logs


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
