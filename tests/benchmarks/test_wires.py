"""What the benchmarks read of ronde's outputs is what the worker writes, and states are what the core makes."""

from __future__ import annotations

from benchmarks import incidents, sites
from benchmarks.evidence import Decided
from benchmarks.life import ANSWERS, RULES
from benchmarks.peers import kernel
from benchmarks.wires import KERNEL, RONDE
from schemas import decode
from streams.escalation import readiness
from streams.escalation import step as core
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY
from streams.escalation.values import Alert, Event, Output, SiteRecord, Source
from streams.formats.codec import Codec

NOW = 1_767_225_600_000


def written(codec: Codec, output: Output) -> bytes:
    """What the worker puts on the topic."""
    assert output.value is not None
    return codec.encoders[output.topic](output.value)


def test_a_call_and_a_decision_of_ronde_are_read() -> None:
    codec = Codec()
    alert = codec.decoders["alerts"](RONDE.alert("a1", "s1", NOW))
    assert isinstance(alert, Alert)
    step = core.on_event(EMPTY, SiteRecord(0, sites.site("s1")), alert, Source("alerts", 0, 0), NOW, DEFAULTS)
    call, decision = (written(codec, output) for output in step.outputs)
    assert RONDE.called(call) == "s1"
    assert RONDE.decided(decision) == Decided("a1", step.state.incidents[0].incident_id, 1, NOW)


def test_a_call_and_a_decision_of_the_kernel_are_read() -> None:
    alert = kernel.decode(kernel.ALERT, KERNEL.alert("a1", "s1", NOW))
    opened = kernel.step(None, alert, NOW)
    assert opened.call is not None
    assert opened.decision is not None
    assert KERNEL.called(kernel.encode(kernel.CALL, opened.call)) == "s1"
    decided = KERNEL.decided(kernel.encode(kernel.DECISION, opened.decision))
    assert (decided.alert_id, decided.version, decided.at) == ("a1", 1, NOW)


def test_a_repeated_alert_changes_nothing_in_the_kernel() -> None:
    alert = kernel.decode(kernel.ALERT, KERNEL.alert("a1", "s1", NOW))
    incident = kernel.step(None, alert, NOW).incident
    assert kernel.step(incident, alert, NOW) == (None, None, None)


def test_the_sites_are_ready() -> None:
    ((key, value),) = sites.records(["s1"])
    assert key == b"s1"
    assert Codec().decode_site(value) == sites.site("s1")
    assert readiness.missing(sites.site("s1")) == readiness.warnings(sites.site("s1")) == ()


def test_states_are_open_incidents_with_deadlines_of_their_own() -> None:
    codec = Codec()
    made = list(incidents.records(["s1", "s2"], incidents.waiting(NOW), NOW, lambda number: NOW + number))
    first, second = (codec.decode_state(value) for _, value in made)
    assert [state.incidents[0].phase for state in (first, second)] == ["WAITING", "WAITING"]
    assert [state.incidents[0].deadline for state in (first, second)] == [NOW, NOW + 1]
    assert first.incidents[0].incident_id != second.incidents[0].incident_id
    assert incidents.calling(NOW).phase == "CALLING"


def test_a_full_life_goes_as_the_benchmark_plays_it() -> None:
    codec, record = Codec(), SiteRecord(0, sites.site("s1"))
    event: Event = Alert("a1", "s1", "INTRUSION", NOW)
    state, rules = EMPTY, []
    for version in range(1, len(RULES) + 1):
        now = NOW + version
        if version - 1 not in ANSWERS and version > 1:
            (deadline,) = state.deadlines()
            step = core.on_deadline("s1", state, record, deadline, deadline.at)
        else:
            step = core.on_event(state, record, event, Source("alerts", 0, version), now, DEFAULTS)
        state = step.state
        decision = RONDE.decision(written(codec, step.outputs[-1]))
        rules.append(decision.rule)
        if version in ANSWERS:
            topic, value = ANSWERS[version](decision)
            event = codec.decoders[topic](value)  # type: ignore[assignment]  # not of a site
    assert tuple(rules) == RULES
    assert decode("Alert", RONDE.alert("a1", "s1", NOW))["alert_id"] == "a1"
