"""The log decided again: what is the same is found to be the same, and what was falsified is found and named."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.avro.framing import confluent
from schemas.avro.loader import NAMES, Schema, load
from schemas.contract.topics import TOPICS
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY
from streams.escalation.values import DispatchReport, Source
from streams.formats.topic_values import TopicValues, payload
from streams.kafka.reading import LogRecord
from streams.replay.verdict import Verdict
from tests.streams.logbook import RECORDED, Logbook, alert, callback, encode, no_answer, seconds, site

DAY = 24 * 3600


def told(verdict: Verdict) -> list[tuple[str, str, str | None]]:
    """The differences in short."""
    return [(one.what, one.topic, one.field) for one in verdict.differences]


def night() -> Logbook:
    """Two sites; one is called twice, waits, is called again, and gets a guard; the other is resolved."""
    book = Logbook()
    book.chunk(0, site(), site("S2"))
    book.chunk(1, alert(), alert("B1", "FIRE", "S2"))
    book.chunk(5, no_answer("R1", book.last_id()), callback("R2", "IDENTIFIED", "NORMAL", site_id="S2"))
    book.chunk(130, alert("B2", "OTHER", "S2"), alert("B1", "FIRE", "S2"), alert("A1"))
    for at in range(200, 1400, 100):
        book.chunk(at + 0.3)
    dispatch = book.decisions()[-1].outputs[-1].removesuffix("-r1")
    incident = dispatch.removesuffix("-d1")
    for number, status in enumerate(("ACCEPTED", "ON_SITE", "CLOSED")):
        report = DispatchReport(f"D{number}", "S1", incident, dispatch, "P1", status, "nothing", None, seconds(0))  # type: ignore[arg-type]
        book.chunk(1400 + number, report)
    return book


def test_a_night_is_decided_the_same_again() -> None:
    book = night()
    verdict = book.replay()
    rules = [decision.rule for decision in book.decisions()]
    assert {"OPENED", "DUPLICATE_ALERT", "WAIT_STARTED", "WAIT_ENDED", "NOBODY_REACHED", "INTERVENTION_CLOSED"} <= {
        *rules
    }
    assert (verdict.differences, verdict.unchecked) == ([], [])
    assert verdict.decisions == len(rules)
    assert verdict.quarantined == 1
    assert verdict.commands == sum(len(decision.outputs) for decision in book.decisions())


def test_deadlines_are_taken_from_their_decisions_however_late_they_fired() -> None:
    book = Logbook()
    book.chunk(0, site(), alert())
    book.chunk(5000)  # everything of the first round at once, long after it was due
    book.chunk(9000, alert("A2"))
    assert book.replay().differences == []


@pytest.mark.parametrize(
    ("falsify", "found"),
    [
        (lambda book: book.change("decisions", 4, rule="MERGED"), ("FIELD", "decisions", "rule")),
        (lambda book: book.change("decisions", 4, at=seconds(4)), ("BACK_IN_TIME", "decisions", "at")),
        (lambda book: book.change("calls", 1, phone="+33600000000"), ("FIELD", "calls", "phone")),
        (lambda book: book.change("calls", 1, command_id="another"), ("MISSING", "calls", None)),
        (lambda book: book.change("dispatches", 0, reason="DURESS"), ("FIELD", "dispatches", "reason")),
        (lambda book: book.change("quarantine", 0, reason="ON_TEST"), ("FIELD", "quarantine", "reason")),
        (lambda book: book.logs["calls"].pop(2), ("MISSING", "calls", None)),
        (lambda book: book.logs["calls"].append(book.logs["calls"][0]._replace(offset=99)), ("TWICE", "calls", None)),
        (lambda book: book.logs["alerts"].pop(0), ("NO_INPUT", "decisions", None)),
        (lambda book: swap(book, "calls", 0, 2), ("OUT_OF_ORDER", "calls", None)),
        (lambda book: book.change("decisions", 0, site_offset=7), ("NO_SITE_RECORD", "decisions", None)),
    ],
)
def test_what_was_falsified_is_found(falsify: Callable[[Logbook], Any], found: tuple[str, str, str | None]) -> None:
    book = night()
    falsify(book)
    assert found in told(book.replay())


def swap(book: Logbook, topic: str, one: int, other: int) -> None:
    """Let two records change places."""
    log = book.logs[topic]
    log[one], log[other] = log[other]._replace(offset=log[one].offset), log[one]._replace(offset=log[other].offset)


def test_a_command_that_nobody_decided_is_found_also_at_the_end() -> None:
    book = night()
    last = book.logs["calls"][-1]
    book.change("calls", -1, command_id="ghost")
    book.logs["calls"].append(last._replace(offset=last.offset + 1))
    (difference,) = book.replay().differences
    assert (difference.what, difference.record_id) == ("UNEXPECTED", "ghost")


def test_while_others_still_write_a_command_behind_the_last_decision_is_no_difference() -> None:
    book = night()
    book.chunk(5000, alert("A7"))
    book.logs["decisions"].pop()
    assert told(book.replay()) == [("UNEXPECTED", "calls", None)]
    assert book.replay(is_settled=False).differences == []


def test_a_record_under_another_key_or_time_is_found() -> None:
    book = night()
    book.logs["calls"][0] = book.logs["calls"][0]._replace(key=b"S2")
    book.logs["decisions"][0] = book.logs["decisions"][0]._replace(timestamp=seconds(9))
    assert [(what, topic) for what, topic, _ in told(book.replay())] == [("TIMESTAMP", "decisions"), ("KEY", "calls")]


def test_after_a_decision_that_differs_the_rest_of_its_incident_is_not_judged_but_the_next_is() -> None:
    book = Logbook()
    book.chunk(0, site(), site("S2"))
    book.chunk(1, alert(), alert("B1", site_id="S2"))
    book.chunk(5, no_answer("R1", f"{book.decisions()[0].incident_id}-c1.1"))
    book.chunk(6, callback("R2", "IDENTIFIED", "NORMAL"))
    book.chunk(7, alert("A2"))
    del book.logs["decisions"][2]  # as if NEXT_CONTACT had never been decided
    verdict = book.replay()
    assert {one.site_id for one in verdict.differences} == {"S1"}
    first = verdict.differences[0]
    assert (first.what, first.field, first.recorded, first.replayed) == (
        "FIELD",
        "decision_id",
        f"{book.decisions()[0].incident_id}-v3",
        f"{book.decisions()[0].incident_id}-v2",
    )
    assert [one.reason for one in verdict.unchecked] == []
    assert ("UNEXPECTED", "calls", None) in told(verdict)


def test_a_decision_that_is_there_twice_in_a_row_is_found_and_what_differs_in_the_first() -> None:
    book = Logbook()
    book.chunk(0, site(), alert())
    book.chunk(5, callback("R1", "IDENTIFIED", "NORMAL"))
    book.logs["decisions"].append(book.logs["decisions"][1]._replace(offset=2))
    assert told(book.replay()) == [("TWICE", "decisions", None)]
    book.change("decisions", 2, rule="MERGED")
    assert told(book.replay()) == [("TWICE", "decisions", None)]
    book.change("decisions", 1, rule="OPERATOR_CLOSED")
    assert told(book.replay()) == [("FIELD", "decisions", "rule"), ("TWICE", "decisions", None)]


def test_an_early_deadline_and_one_that_nobody_has_are_named() -> None:
    book = Logbook()
    book.chunk(0, site(), alert())
    book.chunk(121)
    early, late = book.logs["decisions"][1], seconds(60)
    book.change("decisions", 1, at=late)
    (difference,) = [one for one in book.replay().differences if one.what == "EARLY"]
    assert (difference.recorded, difference.replayed) == (late, seconds(120))
    book.logs["decisions"][1] = early
    book.change("decisions", 1, input=book.decisions()[1].input._replace(id="another"))
    assert ("NOT_ARMED", "decisions", None) in told(book.replay())


def test_inputs_of_one_chunk_keep_the_order_of_their_decisions() -> None:
    """All at one instant: nothing but the order of the decisions tells what was first."""
    book = Logbook()
    book.chunk(0, site(), alert("A1"), alert("F1", "FIRE"), callback("R1", "NOT_IDENTIFIED", "NORMAL"), alert("A2"))
    book.chunk(9, callback("R2", "IDENTIFIED", "NORMAL"), alert("A3"), callback("R3", "DURESS_CODE", "UNKNOWN"))
    verdict = book.replay()
    assert verdict.differences == []
    assert verdict.decisions == len(book.decisions())


# --- what ends elsewhere ----------------------------------------------------------------------------


def test_a_quarantined_alert_finds_its_place_among_decisions_of_the_same_instant() -> None:
    """The fire is closed by a callback, and only then, in the same chunk, an alert finds the site unsubscribed."""
    book = Logbook()
    book.chunk(0, site(), alert("F1", "FIRE"))
    book.chunk(9, site(subscribed=False), callback("R1", "IDENTIFIED", "NORMAL"), alert("F2", "FIRE"))
    assert book.decisions()[-1].rule == "RESOLVED_BY_CALLBACK"
    verdict = book.replay()
    assert (verdict.differences, verdict.quarantined) == ([], 1)


def test_a_quarantined_alert_that_an_incident_should_have_taken_is_found() -> None:
    book = Logbook()
    book.chunk(0, site(), alert("A1"))
    book.chunk(5, alert("O1", "OTHER"))
    falsified = alert("O1", "TAMPER")
    book.logs["alerts"][1] = book.logs["alerts"][1]._replace(value=encode(falsified))
    (difference,) = book.replay().differences
    assert (difference.what, difference.topic, difference.replayed) == ("UNEXPECTED", "quarantine", "MERGED")


def test_a_quarantined_alert_that_is_not_there_or_ended_twice_is_found() -> None:
    book = night()
    book.logs["quarantine"].append(book.logs["quarantine"][0]._replace(offset=1))
    assert told(book.replay()) == [("TWICE", "quarantine", None)]
    book.change("quarantine", 1, input=Source("alerts", 0, 77))
    assert told(book.replay()) == [("NO_INPUT", "quarantine", None)]


def test_inputs_put_away_did_nothing() -> None:
    book = Logbook()
    book.fails = {"A2"}
    book.chunk(0, site(), alert("A1"))
    book.chunk(1, alert("A2"), LogRecord("alerts", 0, 0, 0, b"S1", b"poison", []), alert("A3"))
    verdict = book.replay()
    assert len(book.logs["dead-letters"]) == 2
    assert (verdict.differences, verdict.decisions) == ([], 2)


def test_a_site_record_put_away_did_not_come_into_force() -> None:
    """Nothing in the record shows that the core failed on it, and the site is deleted behind it."""
    book = Logbook()
    book.chunk(0, site(), alert("A1"))
    book.fails = {"S1"}
    book.chunk(1, site(subscribed=False))
    book.fails = set()
    book.chunk(2, "S1", alert("F1", "FIRE"))
    quarantined = RECORDED.value("quarantine", book.logs["quarantine"][0].value or b"")
    assert (quarantined.reason, quarantined.site_offset) == ("UNKNOWN_SITE", 0)
    verdict = book.replay()
    assert (verdict.differences, verdict.quarantined) == ([], 1)


def test_an_input_decided_that_should_have_been_put_away_is_found() -> None:
    book = night()
    book.logs["alerts"][0] = book.logs["alerts"][0]._replace(key=b"S9")
    (difference,) = [one for one in book.replay().differences if one.what == "REFUSED"]
    assert difference.replayed == "KEY_MISMATCH"


def test_a_deadline_on_which_the_core_failed_is_replayed_as_handed_over() -> None:
    book = Logbook()
    book.chunk(0, site(), alert())
    book.fails = {str(book.decisions()[0].incident_id)}
    book.chunk(121)
    book.chunk(122, alert("A2"))
    assert [decision.rule for decision in book.decisions()] == ["OPENED", "FAILED", "MERGED"]
    assert book.replay().differences == []


def test_a_state_set_aside_leaves_its_site_without_incidents_or_memory() -> None:
    book = Logbook()
    book.chunk(0, site(), alert("A1"), callback("R1", "DURESS_CODE", "UNKNOWN"))
    book.set_aside(5, "S1")
    book.chunk(5, alert("A1"))
    assert [decision.rule for decision in book.decisions()] == ["OPENED", "DURESS", "OPENED"]
    assert book.replay().differences == []
    book.change("attention", -1, covert=False)
    assert told(book.replay()) == [("FIELD", "attention", "covert")]


def test_a_strangers_state_of_any_key_is_replayed_as_it_was_set_aside() -> None:
    book = Logbook()
    book.states["k" * 200] = EMPTY
    book.set_aside(5, "k" * 200, told_of="k" * 128 + "…")
    book.chunk(6, site(), alert("A1"))
    assert book.replay().differences == []


# --- what cannot be replayed ------------------------------------------------------------------------


def test_without_the_beginning_of_the_log_it_begins_with_the_next_incident() -> None:
    book = night()
    book.chunk(2000, alert("A8"), alert("A8"), alert("A1"))
    begins = {**dict.fromkeys(book.logs, 0), "alerts": book.logs["alerts"][-3].offset}
    for topic, kept in (("decisions", -6), ("alerts", -3), ("calls", -1), ("attention", 0), ("dispatches", 0)):
        book.logs[topic] = book.logs[topic][kept:] if kept else []
    verdict = book.replay(begins=begins, is_truncated=True, is_settled=False)
    assert verdict.differences == []
    assert verdict.decisions == 2
    reasons = [one.reason for one in verdict.unchecked]
    assert reasons == ["what came before it is not in the log any more"] * 3 + [
        "what it repeats is not in the log any more",
        "its input is not in the log any more",  # the quarantined alert's
    ]


def test_an_input_deleted_by_its_retention_is_unchecked_and_no_difference() -> None:
    book = night()
    book.logs["alerts"] = book.logs["alerts"][1:]
    verdict = book.replay(begins={"alerts": 1})
    assert verdict.differences == []
    assert {one.reason for one in verdict.unchecked} == {"its input is not in the log any more"}


def test_incidents_are_replayed_under_the_version_that_they_name() -> None:
    slower = {**DEFAULTS, "SECURITY": DEFAULTS["SECURITY"]._replace(version="security/2", call_timeout_seconds=300)}
    book = Logbook(slower)
    book.chunk(0, site(), alert())
    book.chunk(301)
    assert book.replay().differences == []
    verdict = book.replay(known={(name, one.version): one for name, one in DEFAULTS.items()})
    assert [(one.reason, one.procedure_version) for one in verdict.unchecked][:1] == [
        ("its version of the procedure is not known", "security/2")
    ]
    assert verdict.differences == []


# --- who wrote it, and how --------------------------------------------------------------------------


class Writers:
    """A schema registry that knows our schemas by a number."""

    def schema(self, schema_id: int) -> Schema:
        return load(NAMES[schema_id])


def test_what_a_registry_framed_is_compared_by_what_is_behind_the_frame() -> None:
    book = night()
    for topic, log in book.logs.items():
        schema = TOPICS[topic].schema
        if schema is not None and topic != "state":
            header = confluent(NAMES.index(schema))
            log[:] = [one if one.value is None else one._replace(value=header + payload(one.value)) for one in log]
    verdict = book.replay(recorded=TopicValues(Writers()))  # type: ignore[arg-type]  # of a registry it takes no more
    assert (verdict.differences, verdict.decisions) == ([], len(book.logs["decisions"]))


def test_other_bytes_of_the_same_fields_are_found_unless_an_older_release_wrote_them() -> None:
    book = night()
    data = book.logs["calls"][0].value or b""
    longer = data[:10] + bytes([data[10] | 0x80, 0]) + data[11:]  # the first length, in two bytes
    assert RECORDED.value("calls", longer) == RECORDED.value("calls", data)
    book.logs["calls"][0] = book.logs["calls"][0]._replace(value=longer)
    assert told(book.replay()) == [("BYTES", "calls", None)]


def test_bytes_that_do_not_decode_are_named() -> None:
    book = night()
    for topic in ("calls", "quarantine"):
        book.logs[topic][0] = book.logs[topic][0]._replace(value=b"poison")
    assert told(book.replay()) == [
        ("UNDECODABLE", "calls", None),
        ("UNDECODABLE", "quarantine", None),
        ("MISSING", "calls", None),
    ]
    book = night()
    book.logs["decisions"][0] = book.logs["decisions"][0]._replace(value=b"poison")
    verdict = book.replay()
    assert told(verdict)[0] == ("UNDECODABLE", "decisions", None)
    assert {one.site_id for one in verdict.unchecked} == {"S1"}
