"""Site records in a replay: which one a decision was made under, and what compaction has removed of them."""

from streams.escalation.values import Intervention, OperatorAction
from tests.streams.logbook import Logbook, alert, callback, encode, seconds, site
from tests.streams.test_replaying import told
from tests.support.times import START


def test_the_site_record_in_force_is_the_one_named() -> None:
    book = Logbook()
    book.chunk(0, site(), alert("A1"))
    book.chunk(20, site(intervention=Intervention(True, ("P9",))))
    book.chunk(30, callback("R1", "DURESS_CODE", "UNKNOWN"))
    assert book.replay().differences == []
    book.change("decisions", -1, site_offset=0)
    assert told(book.replay()) == [("FIELD", "dispatches", "partner_id")]


def test_a_deleted_site_keeps_its_last_record_for_open_incidents_and_opens_no_other() -> None:
    book = Logbook()
    book.chunk(0, site(), alert("A1"))
    book.chunk(
        10, "S1", alert("A2"), alert("F1", "FIRE"), OperatorAction("O1", "S1", None, "DISPATCH", "", "zoe", START)
    )
    book.chunk(20, callback("R1", "IDENTIFIED", "NORMAL"), OperatorAction("O2", "S1", None, "DISPATCH", "", "zoe", 7))
    book.chunk(30, OperatorAction("O3", "S1", book.decisions()[0].incident_id, "CLOSE", "", "zoe", START))
    book.chunk(40, alert("A3"), callback("R2", "IDENTIFIED", "NORMAL"))
    book.chunk(50, site(), alert("A4"))
    verdict = book.replay()
    assert (verdict.differences, verdict.quarantined) == ([], 2)
    assert {decision.site_offset for decision in book.decisions()} == {0, None, 2}


def test_a_decision_under_a_site_record_that_was_replaced_is_found() -> None:
    book = Logbook()
    book.chunk(0, site(), alert("A1"))
    book.chunk(1, site(), alert("A2"))
    book.chunk(2, alert("A3"))
    book.change("decisions", 2, site_offset=0)
    assert told(book.replay()) == [("REPLACED", "decisions", None)]
    book.change("decisions", 2, site_offset=None)
    assert told(book.replay()) == [("REPLACED", "decisions", None)]


def test_a_site_record_compacted_away_leaves_its_decisions_unchecked() -> None:
    book = Logbook()
    book.chunk(0, site(), alert("A1"))
    book.chunk(1, site(), alert("A2"))
    book.chunk(2, callback("R1", "IDENTIFIED", "NORMAL"), alert("A3"))
    del book.logs["sites"][0]
    verdict = book.replay()
    assert verdict.differences == []
    assert [one.reason for one in verdict.unchecked] == ["its site record is not in the log any more"] * 3
    assert verdict.decisions == 1, "the incident opened after that one is checked"


def closed_after_its_site_was_deleted() -> Logbook:
    book = Logbook()
    book.chunk(0, site("S2"), site(), alert("A1"))
    book.chunk(121)
    book.chunk(130, "S1", alert("A2"))
    book.chunk(140, OperatorAction("O1", "S1", book.decisions()[0].incident_id, "CLOSE", "", "zoe", START))
    book.chunk(150, alert("A3"), callback("R1", "IDENTIFIED", "NORMAL"))
    assert [one.site_offset for one in book.decisions()] == [1, 1, 1, 1, None]
    return book


def test_a_deleted_site_compacted_away_with_its_tombstone_leaves_its_decisions_unchecked() -> None:
    """Nothing of it is in the log then that would be later than the record named."""
    book = closed_after_its_site_was_deleted()
    last = book.append("sites", seconds(200), b"S2", encode(site("S2")))
    book.logs["sites"] = [last]
    of_the_site_alone = closed_after_its_site_was_deleted()
    of_the_site_alone.logs["sites"].clear()
    for verdict in (book.replay(), of_the_site_alone.replay(sites_end=last.offset + 1)):
        assert verdict.differences == []
        assert [one.reason for one in verdict.unchecked] == ["its site record is not in the log any more"] * 4
        assert (verdict.decisions, verdict.quarantined) == (1, 1), "what came after it is checked"


def test_a_site_record_that_is_another_sites_or_behind_the_log_was_never_there() -> None:
    book = closed_after_its_site_was_deleted()
    book.logs["sites"] = book.logs["sites"][:1]
    assert told(book.replay())[0] == ("NO_SITE_RECORD", "decisions", None), "the log ends before it"
    for place in range(4):
        book.change("decisions", place, site_offset=0)
    book.append("sites", seconds(200), b"S2", encode(site("S2")))
    assert told(book.replay())[0] == ("NO_SITE_RECORD", "decisions", None), "it is of S2"
