"""The checker finds nothing in a good run, and finds and names every single thing that is changed in it."""

import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

from tests.faults.checker import check
from tests.faults.desks import PROCEDURES
from tests.faults.evidence import Violation
from tests.faults.incidents import Uptime
from tests.faults.records import Raw, Sent, Topics, Value, decode, encode
from tests.faults.virtual import VirtualRun
from tests.support.times import START

pytestmark = pytest.mark.slow


class Tape:
    """The records of a good run, to be changed."""

    def __init__(self, run: VirtualRun, seed: int) -> None:
        self.topics = Topics({topic: list(raws) for topic, raws in run.topics.records.items()})
        self.sent = list(run.sent)
        self.end = run.now
        self.random = random.Random(seed)

    def some(self, topic: str, fits: Callable[[Value], bool] = lambda _: True) -> tuple[Raw, Value]:
        """A record that fits, and its value."""
        raws = [raw for raw in self.topics.of(topic) if raw.value is not None]
        raw, value = self.random.choice(
            [(raw, value) for raw in raws if fits(value := decode(topic, raw.value or b""))]
        )
        return raw, value

    def decision(self, *rules: str) -> tuple[Raw, Value]:
        """A decision by one of these rules."""
        return self.some("decisions", lambda value: value["rule"] in rules)

    def change(self, raw: Raw, told: Value | None = None, **parts: Any) -> None:
        """Put another value, or other parts of the record, in its place."""
        if told is not None:
            parts["value"] = encode(raw.topic, told)
        raws = self.topics.of(raw.topic)
        raws[raws.index(raw)] = raw._replace(**parts)

    def drop(self, raw: Raw) -> None:
        self.topics.of(raw.topic).remove(raw)

    def append(self, raw: Raw, value: Value | None = None) -> Raw:
        """One record more, like ``raw``, at the end of its topic."""
        raws = self.topics.of(raw.topic)
        last = raw._replace(offset=raws[-1].offset + 1 if raws else 0)
        raws.append(last if value is None else last._replace(value=encode(raw.topic, value)))
        return raws[-1]

    def at(self, raw: Raw, value: Value, at: int) -> None:
        """A decision is made at another time, and says so."""
        self.change(raw, {**value, "at": at}, timestamp=at)

    def later(self, value: Value) -> list[Raw]:
        """The decisions of the same incident after this one."""
        return [
            raw
            for raw in self.topics.of("decisions")
            if (read := decode("decisions", raw.value or b""))["incident_id"] == value["incident_id"]
            and read["version"] > value["version"]
        ]

    def violations(self) -> list[Violation]:
        return check(self.topics, self.sent, PROCEDURES, Uptime([(START, self.end)], self.end, margin_ms=100))


@pytest.fixture(scope="module")
def good(seed: int) -> VirtualRun:
    return VirtualRun(seed)


@pytest.fixture
def tape(good: VirtualRun, seed: int) -> Tape:
    return Tape(good, seed)


def test_a_good_run_is_good(tape: Tape) -> None:
    assert tape.violations() == []


# --- what is changed ------------------------------------------------------------------------------------------


def an_output_is_dropped(tape: Tape) -> str:
    raw, call = tape.some("calls")
    tape.drop(raw)
    return str(call["command_id"])


def a_command_is_doubled(tape: Tape) -> str:
    raw, dispatch = tape.some("dispatches")
    tape.append(raw)
    return str(dispatch["command_id"])


def an_attention_is_doubled(tape: Tape) -> str:
    raw, attention = tape.some("attention")
    tape.append(raw)
    return str(attention["attention_id"])


def a_request_is_sent_under_another_name(tape: Tape) -> str:
    raw, dispatch = tape.some("dispatches", lambda value: value["action"] == "REQUEST")
    tape.append(raw, {**dispatch, "command_id": "another"})
    return str(dispatch["dispatch_id"])


def a_decision_is_dropped(tape: Tape) -> str:
    raw, decision = tape.decision("WAIT_STARTED")
    tape.drop(raw)
    return f"{decision['incident_id']}-v{decision['version'] + 1}"


def the_last_decision_is_dropped(tape: Tape) -> str:
    raw, decision = tape.decision("RESOLVED")
    tape.drop(raw)
    return f"call-results 0/{decision['input']['offset']}"


def a_version_is_left_out(tape: Tape) -> str:
    raw, decision = tape.decision("RESOLVED")
    tape.change(raw, {**decision, "version": decision["version"] + 1})
    return str(decision["decision_id"])


def a_deadline_fires_early(tape: Tape) -> str:
    raw, decision = tape.decision("WAIT_ENDED")
    tape.at(raw, decision, decision["at"] - 1)
    return str(decision["decision_id"])


def a_deadline_fires_late(tape: Tape) -> str:
    raw, decision = tape.decision("WAIT_ENDED")
    tape.at(raw, decision, decision["at"] + 200)
    return str(decision["decision_id"])


def round_2_begins_without_a_wait(tape: Tape) -> str:
    _, decision = tape.decision("NEXT_CONTACT")
    raw, call = tape.some("calls", lambda value: value["command_id"] == decision["outputs"][0])
    tape.change(raw, {**call, "round": 2})
    return "" if call["round"] == 2 else str(decision["incident_id"])


def round_2_begins_in_the_wait(tape: Tape) -> str:
    _, decision = tape.decision("WAIT_ENDED")
    raw, call = tape.some("calls", lambda value: value["command_id"] == decision["outputs"][0])
    tape.change(raw, {**call, "issued_at": call["issued_at"] - 500}, timestamp=call["issued_at"] - 500)
    return str(decision["incident_id"])


def a_decision_follows_the_close(tape: Tape) -> str:
    raw, decision = tape.some("decisions", lambda value: value["phase_to"] == "CLOSED")
    version = decision["version"] + 1
    name = f"{decision['incident_id']}-v{version}"
    tape.append(raw, {**decision, "version": version, "decision_id": name, "outputs": []})
    return name


def an_output_is_named_twice(tape: Tape) -> str:
    _, first = tape.decision("OPENED")
    raw, decision = tape.decision("MERGED", "RESOLVED")
    tape.change(raw, {**decision, "outputs": [*decision["outputs"], first["outputs"][0]]})
    return str(first["outputs"][0])


def an_output_is_not_named(tape: Tape) -> str:
    raw, decision = tape.decision("OPENED")
    tape.change(raw, {**decision, "outputs": []})
    return str(decision["outputs"][0])


def a_field_is_altered(tape: Tape) -> str:
    raw, call = tape.some("calls")
    tape.change(raw, {**call, "phone": "+33123456789"})
    return "phone '+336"


def a_rule_is_altered(tape: Tape) -> str:
    raw, decision = tape.decision("RESOLVED")
    tape.change(raw, {**decision, "rule": "NOTED"})
    return str(decision["decision_id"])


def a_deadline_is_altered(tape: Tape) -> str:
    raw, decision = tape.decision("OPENED")
    tape.change(raw, {**decision, "deadline": decision["deadline"] + 1})
    return str(decision["decision_id"])


def the_time_of_a_record_is_altered(tape: Tape) -> str:
    raw, _ = tape.some("calls")
    tape.change(raw, timestamp=raw.timestamp + 1)
    return f"calls 0/{raw.offset}"


def a_quarantine_gives_another_reason(tape: Tape) -> str:
    raw, record = tape.some("quarantine", lambda value: value["reason"] == "NOT_SUBSCRIBED")
    tape.change(raw, {**record, "reason": "ON_TEST"})
    return f"quarantine 0/{raw.offset}"


def an_input_has_no_end(tape: Tape) -> str:
    raw, _ = tape.some("alerts")
    return f"alerts 0/{tape.append(raw).offset}"


def an_input_is_quarantined_too(tape: Tape) -> str:
    raw, record = tape.some("quarantine")
    _, decision = tape.decision("OPENED")
    tape.append(raw, {**record, "input": {name: decision["input"][name] for name in record["input"]}})
    return f"alerts 0/{decision['input']['offset']}"


def an_input_is_a_dead_letter_too(tape: Tape) -> str:
    raw, _ = tape.some("alerts")
    tape.append(dead_letter(raw, "FAILED"))
    return f"alerts 0/{raw.offset}"


def an_input_is_decided_twice(tape: Tape) -> str:
    raw, decision = tape.decision("NO_OPEN_INCIDENT")
    tape.append(raw, {**decision, "decision_id": "another"})
    return f"{decision['input']['topic']} 0/{decision['input']['offset']}"


def an_acknowledged_input_is_gone(tape: Tape) -> str:
    sent = tape.random.choice([sent for sent in tape.sent if sent.place[0] == "alerts"])
    tape.drop(next(raw for raw in tape.topics.of("alerts") if raw.place == sent.place))
    return f"alerts 0/{sent.place[2]}"


def an_input_came_from_nowhere(tape: Tape) -> str:
    raw, decision = tape.decision("NO_OPEN_INCIDENT")
    tape.change(raw, {**decision, "input": {**decision["input"], "offset": 1_000_000}})
    return f"{decision['input']['topic']} 0/1000000"


def a_dead_letter_is_altered(tape: Tape) -> str:
    raw, _ = tape.some("alerts")
    poison = tape.append(raw._replace(value=b"poison", headers=(("from", b"x"),)))
    tape.append(dead_letter(poison, "UNDECODABLE")._replace(value=b"poisoned"))
    return f"alerts 0/{poison.offset}"


def a_dead_letter_loses_a_header(tape: Tape) -> str:
    raw, _ = tape.some("alerts")
    poison = tape.append(raw._replace(value=b"poison", headers=(("from", b"x"),)))
    tape.append(dead_letter(poison._replace(headers=()), "UNDECODABLE"))
    return f"alerts 0/{poison.offset}"


def a_dead_letter_gives_another_reason(tape: Tape) -> str:
    raw, _ = tape.some("alerts")
    poison = tape.append(raw._replace(value=b"poison"))
    tape.sent.append(Sent(poison.place, "poison", "UNDECODABLE"))
    tape.append(dead_letter(poison, "FAILED"))
    return f"alerts 0/{poison.offset}"


def an_open_incident_has_no_deadline(tape: Tape) -> str:
    raw, decision = tape.decision("WAIT_STARTED")
    tape.change(raw, {**decision, "deadline": None})
    return str(decision["decision_id"])


def a_deadline_never_fires(tape: Tape) -> str:
    _, decision = tape.decision("WAIT_STARTED")
    for raw in tape.later(decision):
        tape.drop(raw)
    return str(decision["decision_id"])


def a_decision_goes_back_in_time(tape: Tape) -> str:
    raw, decision = tape.decision("NO_OPEN_INCIDENT")
    tape.at(raw, decision, START)
    return str(decision["decision_id"])


def a_readiness_is_dropped(tape: Tape) -> str:
    raw, _ = tape.some("readiness")
    tape.drop(raw)
    return repr(raw.key)


def an_output_lies_elsewhere(tape: Tape) -> str:
    raw, call = tape.some("calls")
    tape.change(raw, partition=1)
    return str(call["command_id"])


def a_key_is_altered(tape: Tape) -> str:
    raw, _ = tape.some("attention")
    tape.change(raw, key=b"another")
    return f"attention 0/{raw.offset}"


def an_output_is_no_value(tape: Tape) -> str:
    raw, _ = tape.some("decisions")
    tape.change(raw, value=(raw.value or b"")[:20])
    return f"decisions 0/{raw.offset}"


def a_state_is_stale(tape: Tape) -> str:
    raw, state = tape.some("state", lambda value: bool(value["remembered"]))
    tape.change(raw, {**state, "remembered": state["remembered"][:-1]})
    return repr(raw.key)


def a_state_is_gone(tape: Tape) -> str:
    raw, _ = tape.some("state")
    tape.drop(raw)
    return repr(raw.key)


class Mutation(NamedTuple):
    change: Callable[[Tape], str]  # gives what the violation must tell of; "": nothing was changed
    violation: str


MUTATIONS: Final = (
    Mutation(an_output_is_dropped, "OUTPUT_MISSING"),
    Mutation(a_command_is_doubled, "ID_TWICE"),
    Mutation(an_attention_is_doubled, "ID_TWICE"),
    Mutation(a_request_is_sent_under_another_name, "ID_TWICE"),
    Mutation(a_decision_is_dropped, "VERSION_GAP"),
    Mutation(the_last_decision_is_dropped, "INPUT_LOST"),
    Mutation(a_version_is_left_out, "VERSION_GAP"),
    Mutation(a_deadline_fires_early, "EARLY_DEADLINE"),
    Mutation(a_deadline_fires_late, "LATE_DEADLINE"),
    Mutation(round_2_begins_without_a_wait, "EARLY_ROUND_2"),
    Mutation(round_2_begins_in_the_wait, "EARLY_ROUND_2"),
    Mutation(a_decision_follows_the_close, "AFTER_CLOSE"),
    Mutation(an_output_is_named_twice, "OUTPUT_NAMED_TWICE"),
    Mutation(an_output_is_not_named, "OUTPUT_UNNAMED"),
    Mutation(a_field_is_altered, "REPLAY_DIFFERS"),
    Mutation(a_rule_is_altered, "REPLAY_DIFFERS"),
    Mutation(a_deadline_is_altered, "REPLAY_DIFFERS"),
    Mutation(the_time_of_a_record_is_altered, "TIME_DIFFERS"),
    Mutation(a_quarantine_gives_another_reason, "REPLAY_DIFFERS"),
    Mutation(an_input_has_no_end, "INPUT_LOST"),
    Mutation(an_input_is_quarantined_too, "INPUT_TWICE"),
    Mutation(an_input_is_a_dead_letter_too, "INPUT_TWICE"),
    Mutation(an_input_is_decided_twice, "INPUT_TWICE"),
    Mutation(an_acknowledged_input_is_gone, "ACK_LOST"),
    Mutation(an_input_came_from_nowhere, "END_UNKNOWN"),
    Mutation(a_dead_letter_is_altered, "END_DIFFERS"),
    Mutation(a_dead_letter_loses_a_header, "END_DIFFERS"),
    Mutation(a_dead_letter_gives_another_reason, "END_DIFFERS"),
    Mutation(an_open_incident_has_no_deadline, "NO_DEADLINE"),
    Mutation(a_deadline_never_fires, "OVERDUE"),
    Mutation(a_decision_goes_back_in_time, "TIME_BACK"),
    Mutation(a_readiness_is_dropped, "READINESS_LOST"),
    Mutation(an_output_lies_elsewhere, "PLACE_DIFFERS"),
    Mutation(a_key_is_altered, "KEY_DIFFERS"),
    Mutation(an_output_is_no_value, "UNDECODABLE_OUTPUT"),
    Mutation(a_state_is_stale, "STATE_DIFFERS"),
    Mutation(a_state_is_gone, "STATE_DIFFERS"),
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.change.__name__)
def test_a_change_is_caught_and_named(tape: Tape, mutation: Mutation) -> None:
    where = mutation.change(tape)

    named = [violation for violation in tape.violations() if violation.name == mutation.violation]
    assert any(where in str(violation) for violation in named), f"{where}: {tape.violations()}"


def dead_letter(raw: Raw, reason: str) -> Raw:
    told = {"topic": raw.topic, "partition": str(raw.partition), "offset": str(raw.offset), "reason": reason}
    headers = tuple((f"dlq.{name}", text.encode()) for name, text in told.items())
    return raw._replace(topic="dead-letters", headers=(*raw.headers, *headers))
