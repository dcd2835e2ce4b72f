"""Another procedure over the log: nothing changed gives the log again; what the log lacks is bounded, not guessed."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from benchmarks.month import Month
from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.procedures import DEFAULTS, Procedures
from streams.escalation.values import DispatchReport, OperatorAction
from streams.kafka.reading import Logs
from streams.whatif.change import Change
from streams.whatif.comparison import Comparison
from streams.whatif.history import History
from streams.whatif.partition import PartitionWhatIf
from tests.streams.logbook import RECORDED, Logbook, alert, callback, no_answer, seconds, site
from tests.streams.test_replaying_random import random_chunk
from tests.streams.test_verification import BookLogs
from tests.support.seeds import seeds

READ = frozenset({"calls", "dispatches", "quarantine", "dead-letters", *INPUT_TOPICS})
NOTHING = Change()


def security(**values: Any) -> Change:
    return Change({"SECURITY": values})


def compare(
    book: Logbook, change: Change = NOTHING, known: Procedures = DEFAULTS, versions: Any = None, **first: int
) -> Comparison:
    versions = versions or {(name, one.version): one for name, one in known.items()}
    begins = dict.fromkeys(INPUT_TOPICS, 0) | {name.replace("_", "-"): offset for name, offset in first.items()}
    whatif = PartitionWhatIf(0, 1, versions, known, change, RECORDED, begins)
    for record in book.logs["decisions"][first.get("decisions", 0) :]:
        whatif.take(record)
    for topic in READ:
        for record in book.logs[topic]:
            if record.offset >= begins.get(topic, 0):
                whatif.take(record)
    return whatif.compare()


def answer(name: str, command: str, *said: Any, site_id: str = "S1") -> Any:
    outcome, situation = said
    return no_answer(name, command, site_id)._replace(outcome=outcome, situation=situation, ended_at=seconds(10**6))


def report(book: Logbook, status: Any, dispatch: str | None = None) -> DispatchReport:
    name = dispatch or book.last_id("dispatches").rpartition("-")[0]
    number = len(book.logs["dispatch-reports"])
    return DispatchReport(f"D{number}", "S1", name.partition("-")[0], name, "P1", status, "done", None, seconds(0))


def waiting(at: float = 10) -> Logbook:
    """A night until its wait: ann and bob do not answer, each after 20 s; the wait begins 40 s after the alert."""
    book = Logbook()
    book.chunk(0, site())
    book.chunk(at, alert())
    book.chunk(at + 20, no_answer("R1", book.last_id()))
    book.chunk(at + 40, no_answer("R2", book.last_id()))
    return book


def end(book: Logbook, at: float) -> Logbook:
    """Let the log go on at another site."""
    book.chunk(at, alert("Z", "OTHER", "S9"), callback("Z", "NO_ANSWER", "UNKNOWN", site_id="S9"))
    return book


# --- nothing changed ------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [None, 0])
@pytest.mark.parametrize("story", seeds(4, 12))
def test_nothing_changed_gives_random_logs_again(story: int, most: int | None) -> None:
    book, world, at = Logbook(), random.Random(story), 0.0
    for number in range(80):
        at += world.choice([0.0, 0.5, 30.0, 121.0, 700.0])
        random_chunk(world, book, number, at, most)
    comparison = compare(book)
    assert comparison.incidents == len({one.incident_id for one in book.decisions() if one.incident_id})
    assert comparison.verdicts == {"SAME": comparison.incidents}
    assert (comparison.recorded.calls, comparison.recorded.ends) == (comparison.played.calls, comparison.played.ends)


def test_deadlines_that_an_outage_made_late_fire_when_they_did() -> None:
    book = waiting()
    book.chunk(5000, callback("C", "NOT_IDENTIFIED", "UNKNOWN"))
    end(book, 5001)
    comparison = compare(book)
    assert comparison.verdicts == {"SAME": 1}
    assert compare(book, security(attention_interval_seconds=60)).verdicts == {"SAME": 1}


def test_a_deadline_that_an_answer_overtook_does_not_fire_before_it() -> None:
    """Ann does not answer within 120 s; her answer had waited for a worker, which handles it before any deadline."""
    book = Logbook()
    book.chunk(0, site(), alert())
    book.chunk(500, waited=[no_answer("R1", book.last_id())])
    book.chunk(510, answer("R2", book.last_id(), "IDENTIFIED", "NORMAL"))
    assert [one.rule for one in book.decisions()] == ["OPENED", "NEXT_CONTACT", "RESOLVED"]
    assert compare(end(book, 520)).verdicts == {"SAME": 1}
    assert compare(book, security(call_timeout_seconds=110)).verdicts == {"OTHER_TIMES": 1}


def test_an_alert_quarantined_in_the_instant_of_an_opening_came_before_it() -> None:
    book = Logbook()
    book.chunk(0, site(subscribed=False))
    dispatch = OperatorAction("O1", "S1", None, "DISPATCH", "", "zoe", seconds(10))
    book.chunk(10, alert("A1", "TAMPER"), alert("F1", "FIRE"), dispatch, alert("F2", "FIRE"))
    assert compare(end(book, 40)).verdicts == {"SAME": 1}


def test_an_alert_of_an_instant_before_its_site_was_known_opens_nothing() -> None:
    book = Logbook()
    book.chunk(10, alert("F1", "FIRE"))
    book.chunk(10, site())
    book.chunk(10, OperatorAction("O1", "S1", None, "DISPATCH", "", "zoe", seconds(10)))
    book.chunk(400, alert("F2", "FIRE", raised=400))
    assert compare(end(book, 410)).verdicts == {"SAME": 2}


def test_a_failed_deadline_fails_again_and_a_state_set_aside_is_not_judged() -> None:
    book = waiting()
    book.fails.add(str(book.decisions()[-1].incident_id))
    book.chunk(700)
    assert compare(end(book, 701)).verdicts == {"SAME": 1}
    book.set_aside(800, "S1")
    assert compare(book).verdicts == {"NOT_JUDGED": 1}


# --- nights with known answers --------------------------------------------------------------------


def test_a_callback_after_the_shorter_wait_is_undetermined() -> None:
    book = waiting()
    book.chunk(50 + 7 * 60, callback("C", "IDENTIFIED", "NORMAL"))
    end(book, 2000)
    comparison = compare(book, security(wait_seconds=300))
    assert comparison.verdicts == {"UNDETERMINED": 1}
    assert (comparison.more_guards, comparison.fewer_guards) == ((0, 1), (0, 0))
    [incident] = comparison.listed
    assert incident.why == "this call was not placed in the log"
    assert incident.guards == (0, 1)
    assert incident.calls == (3, 4)  # ann again, and bob perhaps
    assert incident.recorded is not None
    assert incident.played is not None
    assert [one.rule for one in incident.recorded.decisions][-2:] == ["WAIT_STARTED", "RESOLVED_BY_CALLBACK"]
    assert [one.rule for one in incident.played.decisions][-2:] == ["WAIT_STARTED", "WAIT_ENDED"]
    assert incident.played.decisions[-1].at == seconds(50 + 300)
    assert compare(book, security(wait_seconds=421)).verdicts == {"SAME": 1}


def test_no_guard_can_come_where_none_may_be_sent() -> None:
    book = Logbook()
    book.chunk(0, site(intervention=site().intervention._replace(enabled=False)))
    book.chunk(10, alert())
    book.chunk(20, no_answer("R1", book.last_id()))
    book.chunk(30, no_answer("R2", book.last_id()))
    book.chunk(500, callback("C", "IDENTIFIED", "NORMAL"))
    comparison = compare(end(book, 2000), security(wait_seconds=60))
    assert (comparison.verdicts, comparison.more_guards) == ({"UNDETERMINED": 1}, (0, 0))


def test_a_site_record_put_away_did_not_come_into_force() -> None:
    """Nothing in the record shows that the core failed on it. Round 2 is not in the log, so it names none."""
    forbidden = site(intervention=site().intervention._replace(enabled=False))
    book = waiting()
    book.fails = {"S1"}
    book.chunk(100, forbidden)
    book.fails = set()
    book.chunk(500, callback("C", "IDENTIFIED", "NORMAL"))
    end(book, 2000)
    assert compare(book, security(wait_seconds=300)).more_guards == (0, 1)
    book.logs["dead-letters"].clear()  # as retention does
    assert compare(book, security(wait_seconds=300)).more_guards == (0, 0)


def test_a_site_record_put_away_long_before_did_not_come_into_force() -> None:
    """Its dead letter lies before the decisions that are asked about."""
    book = Logbook()
    book.chunk(0, site())
    book.fails = {"S1"}
    book.chunk(5, site(intervention=site().intervention._replace(enabled=False)))
    book.fails = set()
    book.chunk(10, alert())
    book.chunk(20, no_answer("R1", book.last_id()))
    book.chunk(30, no_answer("R2", book.last_id()))
    book.chunk(500, callback("C", "IDENTIFIED", "NORMAL"))
    known = {(name, one.version): one for name, one in DEFAULTS.items()}
    logs = cast("Logs", BookLogs(end(book, 2000)))
    history = History(logs, RECORDED, known, DEFAULTS, lambda _: None)
    assert history.compare(security(wait_seconds=300), seconds(8)).more_guards == (0, 1)


def test_a_failed_site_record_that_the_log_names_was_in_force() -> None:
    """Of many failures a restore knows the last only: then such a record comes into force."""
    book = Logbook()
    book.chunk(0, site())
    book.dead_letter(book.logs["sites"][0], seconds(0), "FAILED")
    book.chunk(10, alert())
    book.chunk(20, answer("R1", book.last_id(), "IDENTIFIED", "NORMAL"))
    assert compare(end(book, 2000)).verdicts == {"SAME": 1}


def test_a_state_set_aside_before_the_first_decision_is_no_matter() -> None:
    book = waiting()
    book.chunk(45, callback("C", "IDENTIFIED", "NORMAL"))
    book.set_aside(50, "S1")
    before = len(book.logs["decisions"])
    book.chunk(60, alert("A2", raised=60))
    book.chunk(70, answer("R9", book.last_id(), "IDENTIFIED", "NORMAL"))
    end(book, 2000)
    assert compare(book).verdicts == {"NOT_JUDGED": 2}
    assert compare(book, decisions=before).verdicts == {"SAME": 1}


def test_a_callback_within_the_longer_wait_takes_the_guard_away() -> None:
    """The wait of 10 min ends, nobody answers, a guard goes; 12 min after its begin somebody calls: all is well."""
    book = waiting()
    book.chunk(655, no_answer("R3", f"{book.decisions()[0].incident_id}-c2.1"))
    book.chunk(660, no_answer("R4", book.last_id()))
    book.chunk(700, report(book, "ACCEPTED"))
    book.chunk(770, callback("C", "IDENTIFIED", "NORMAL"))
    book.chunk(800, report(book, "CLOSED", book.last_id("dispatches").replace("-cancel", "")))
    assert [one.rule for one in book.decisions()][-2:] == ["CANCEL_REQUESTED", "INTERVENTION_CLOSED"]
    comparison = compare(end(book, 2000), security(wait_seconds=900))
    assert comparison.verdicts == {"OTHER_END": 1}
    assert (comparison.more_guards, comparison.fewer_guards) == ((0, 0), (1, 1))
    assert comparison.played.calls == (2, 2)
    assert comparison.recorded.delays.guard == [650_000]
    assert comparison.played.delays.guard == []


def test_answers_and_reports_keep_their_delays() -> None:
    """A guard is sent 5 min earlier, comes 5 min earlier and is done 5 min earlier.

    The wait ended 5 s late in the log, at 655 s; here it ends in time, at 350 s.
    """
    book = waiting()
    book.chunk(655, no_answer("R3", f"{book.decisions()[0].incident_id}-c2.1"))
    book.chunk(665, answer("R4", book.last_id(), "WRONG_CODE", "ABNORMAL"))
    book.chunk(700, report(book, "ACCEPTED"))
    book.chunk(1500, report(book, "ON_SITE"))
    book.chunk(2500, report(book, "CLOSED"))
    comparison = compare(end(book, 4000), security(wait_seconds=300))
    assert comparison.verdicts == {"OTHER_TIMES": 1}
    assert comparison.recorded.delays.guard == [655_000]
    assert comparison.played.delays.guard == [350_000]


def test_a_time_out_is_no_answer_at_the_time_out_asked_for_and_a_late_answer_is_an_answer() -> None:
    book = Logbook()
    book.chunk(0, site())
    book.chunk(10, alert())
    ann = book.last_id()
    book.chunk(130)  # ann's call times out
    book.chunk(150, no_answer("R1", book.last_id()))
    assert [one.rule for one in book.decisions()][-1] == "WAIT_STARTED"
    book.chunk(190, callback("C", "IDENTIFIED", "NORMAL"))
    end(book, 4000)
    later = compare(book, security(call_timeout_seconds=150))
    assert later.verdicts == {"OTHER_TIMES": 1}  # ann's ends at 160, bob says nothing at 180, the callback at 190
    longest = compare(book, security(call_timeout_seconds=300))
    assert (longest.verdicts, longest.played.calls) == ({"OTHER_TIMES": 1}, (1, 1))

    late = Logbook()
    late.chunk(0, site())
    late.chunk(10, alert())
    late.chunk(130)
    late.chunk(140, answer("R1", ann, "IDENTIFIED", "NORMAL"))
    assert [one.rule for one in late.decisions()][-1] == "RESOLVED_BY_CALLBACK"
    comparison = compare(end(late, 4000), security(call_timeout_seconds=200))
    assert comparison.played.ends == {"RESOLVED": 1}


def test_an_alert_that_opened_an_incident_is_part_of_one_that_lasts_longer() -> None:
    book = waiting()
    book.chunk(655, answer("R3", f"{book.decisions()[0].incident_id}-c2.1", "IDENTIFIED", "NORMAL"))
    book.chunk(900, alert("A2", raised=900))
    book.chunk(910, answer("R4", book.last_id(), "IDENTIFIED", "NORMAL"))
    comparison = compare(end(book, 5000), security(wait_seconds=1200))
    assert comparison.incidents == 2
    parts = [one for one in comparison.listed if one.part_of is not None]
    assert [one.part_of for one in parts] == [str(book.decisions()[0].incident_id)]


def test_an_operator_s_action_keeps_its_time() -> None:
    book = waiting()
    incident = str(book.decisions()[0].incident_id)
    book.chunk(400, OperatorAction("O1", "S1", incident, "CLOSE", "seen on camera", "olga", seconds(400)))
    end(book, 4000)
    assert compare(book, security(wait_seconds=400)).played.ends == {"OPERATOR_CLOSED": 1}
    undetermined = compare(book, security(wait_seconds=60))
    assert (undetermined.verdicts, undetermined.more_guards) == ({"UNDETERMINED": 1}, (0, 1))


def handed_over() -> Logbook:
    """The only partner refuses, so operators get the incident at 690 s. Under a wait of 50 min they do not have it."""
    book = Logbook()
    book.chunk(0, site(intervention=site().intervention._replace(partners=("P1",))))
    book.chunk(10, alert())
    book.chunk(30, no_answer("R1", book.last_id()))
    book.chunk(50, no_answer("R2", book.last_id()))
    book.chunk(650)
    book.chunk(660, no_answer("R3", book.last_id()))
    book.chunk(670, no_answer("R4", book.last_id()))
    book.chunk(690, report(book, "REJECTED"))
    assert book.decisions()[-1].phase_to == "HANDED_OVER"
    return book


def test_an_operator_s_answer_to_a_hand_over_that_comes_later_is_undetermined() -> None:
    book = handed_over()
    incident = book.decisions()[0].incident_id
    book.chunk(760, OperatorAction("O1", "S1", incident, "CLOSE", "police went", "olga", seconds(760)))
    comparison = compare(end(book, 9000), security(wait_seconds=3000))
    assert (comparison.verdicts, comparison.fewer_guards) == ({"UNDETERMINED": 1}, (0, 1))
    assert compare(book).verdicts == {"SAME": 1}


def test_an_operator_s_answer_to_a_hand_over_that_never_was_opens_no_other_incident() -> None:
    """A callback ends the longer wait, so no operator has anything to send a guard for."""
    book = handed_over()
    book.chunk(750, callback("C", "IDENTIFIED", "NORMAL"))
    book.chunk(760, OperatorAction("O1", "S1", None, "DISPATCH", "to be sure", "olga", seconds(760)))
    assert [one.rule for one in book.decisions()][-2:] == ["NOTED", "OPERATOR_DISPATCH"]
    comparison = compare(end(book, 2000), security(wait_seconds=3000))
    assert (comparison.verdicts, comparison.additional) == ({"OTHER_END": 1}, 0)
    assert (comparison.more_guards, comparison.fewer_guards) == ((0, 0), (1, 1))
    assert compare(book).verdicts == {"SAME": 1}


# --- against what would have happened ---------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [{"wait_seconds": 240}, {"call_timeout_seconds": 60}, {"response_timeout_seconds": 40}]
)
def test_a_month_under_the_other_procedure_lies_within_the_bounds(values: dict[str, Any]) -> None:
    """People and partners act by a seed, so the month under the other procedure is known: every answer must hold."""
    changed = {name: one._replace(**values) for name, one in DEFAULTS.items()}
    length: dict[str, Any] = {"length_ms": 10 * 3_600_000, "has_operators": False}
    was, would_be = Month(200, 80, 3, **length), Month(200, 80, 3, changed, **length)
    comparison = was.compare(Change({name: values for name in changed}))  # noqa: C420  # two tables, not one
    assert comparison.verdicts["NOT_JUDGED"] == 0
    assert len(comparison.listed) > 5
    assert comparison.verdicts["OTHER_TIMES"] + comparison.verdicts["SAME"] > 50
    for incident in comparison.listed:
        truth = would_be.decisions.get(incident.incident_id, [])
        calls = sum(name[24:26] == "-c" and "-" not in name[25:] for one in truth for name in one.outputs)
        guards = int(any(name.endswith("-r1") for one in truth for name in one.outputs))
        assert incident.guards[0] <= guards <= incident.guards[1], incident
        assert incident.calls[0] <= calls <= incident.calls[1], incident
        if incident.verdict == "OTHER_END" and incident.played is not None:
            assert [one.at for one in truth] == [one.at for one in incident.played.decisions]
            assert [one.rule for one in truth] == [one.rule for one in incident.played.decisions]
