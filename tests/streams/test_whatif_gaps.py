"""What the log lacks is not judged under another procedure, and counted by its reason; the rest is judged."""

from __future__ import annotations

from streams.escalation.procedures import DEFAULTS
from streams.escalation.values import OperatorAction
from tests.streams.logbook import Logbook, alert, callback, no_answer, seconds, site
from tests.streams.test_whatif import answer, compare, end, security, waiting


def test_what_retention_took_is_not_judged_and_counted() -> None:
    book = waiting()
    book.chunk(470, callback("C", "IDENTIFIED", "NORMAL"))
    book.chunk(3000, alert("A2", raised=3000))
    book.chunk(3010, answer("R5", book.last_id(), "IDENTIFIED", "NORMAL"))
    gone = compare(book, alerts=1)
    assert gone.verdicts == {"NOT_JUDGED": 1, "SAME": 1}
    assert gone.not_judged == {"its input is not in the log any more": 1}
    ended = waiting()
    ended.chunk(55, callback("C", "IDENTIFIED", "NORMAL"))
    ended.chunk(3000, alert("A2", raised=3000))
    ended.chunk(3010, answer("R5", ended.last_id(), "IDENTIFIED", "NORMAL"))
    del end(ended, 4000).logs["calls"][:1]
    gone = compare(ended, security(wait_seconds=700))
    assert gone.verdicts == {"NOT_JUDGED": 1, "SAME": 1}
    assert gone.not_judged == {"a call or dispatch of it is not in the log any more": 1}
    del book.logs["decisions"][:2]
    assert compare(book).not_judged == {"what came before it is not in the log any more": 1}


def test_an_unknown_version_and_a_falsified_decision_are_not_judged() -> None:
    other = {**DEFAULTS, "SECURITY": DEFAULTS["SECURITY"]._replace(version="security/7", wait_seconds=5)}
    book = Logbook(other)
    book.chunk(0, site(), alert())
    book.chunk(10, answer("R", book.last_id(), "IDENTIFIED", "NORMAL"))
    comparison = compare(book)
    assert (comparison.verdicts, comparison.unknown_versions) == ({"NOT_JUDGED": 1}, {"security/7"})
    assert compare(book, known=other).verdicts == {"SAME": 1}
    false = waiting()
    false.change("decisions", 2, rule="NOTED")
    assert compare(end(false, 700), security(wait_seconds=60)).verdicts == {"NOT_JUDGED": 1}


def test_what_was_over_in_the_instant_of_a_gap_is_judged() -> None:
    """An operator closes the burglary; then, in that instant, the fire gets an answer that is gone."""
    book = Logbook()
    book.chunk(0, site(), alert("A1"), alert("F1", "FIRE"))
    close = OperatorAction("O1", "S1", book.decisions()[0].incident_id, "CLOSE", "", "zoe", seconds(50))
    book.chunk(50, close, no_answer("R1", book.last_id()))
    gone = compare(end(book, 60), call_results=1)
    assert gone.verdicts == {"SAME": 1, "NOT_JUDGED": 1}
    assert gone.not_judged == {"its input is not in the log any more": 1}
