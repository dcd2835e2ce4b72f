"""The metrics: named by the conventions, counted as chunks, shown from 0, without anybody's data in a label."""

from collections import Counter
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.escalation.names import OPEN_PHASES, RULES
from streams.observe.chunk_metrics import Tally
from streams.observe.metrics import MOST_PARTNERS, Metrics

LABELS = {"topic", "partition", "rule", "procedure", "reason", "raised", "phase", "event", "error", "le"} | {
    "partner", "action", "status", "outcome", "version", "python", "librdkafka",
}  # fmt: skip
UNITS = {"seconds", "bytes", "records"}


def shown(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: Any) -> float:
    return shown(metrics)[name, frozenset(labels.items())]


def everything() -> Tally:
    """A tally with something of each kind."""
    return Tally(
        taken=Counter({("alerts", 0): 3}),
        decided=Counter({("alerts", 0): 2}),
        quarantined=Counter({("alerts", 0): 1}),
        published=Counter({("sites", 0): 1}),
        dead_lettered=Counter({("alerts", 0, "FAILED"): 1}),
        decisions=Counter({("OPENED", "security/1"): 2}),
        quarantines=Counter({"ON_TEST": 1}),
        attentions=Counter({("PARTNER_SILENT", "first"): 2, ("PARTNER_LATE", "again"): 1}),
        calls=Counter({"CALL": 2}),
        results=Counter({"IDENTIFIED": 1}),
        unanswered_calls=1,
        dispatches=Counter({("guards", "REQUEST"): 2}),
        reports=Counter({("guards", "ACCEPTED"): 1, ("guards", "ON_SITE"): 1}),
        responses=[("guards", 12.0)],
        silences=Counter({"guards": 1}),
        lateness=[0.0, 0.3],
        clock_jumps=Counter({0: 1}),
        set_aside=1,
    )


def test_a_chunk_is_counted_at_once() -> None:
    metrics = Metrics()
    metrics.count(everything())
    metrics.count(everything())
    found = shown(metrics)
    where = {("topic", "alerts"), ("partition", "0")}
    assert found["ronde_inputs_total", frozenset(where)] == 6
    assert found["ronde_inputs_decided_total", frozenset(where)] == 4
    assert found["ronde_inputs_dead_lettered_total", frozenset({*where, ("reason", "FAILED")})] == 2
    assert found["ronde_deadline_lateness_seconds_count", frozenset()] == 4
    assert found["ronde_deadline_lateness_seconds_sum", frozenset()] == 0.6
    assert found["ronde_deadline_lateness_seconds_bucket", frozenset({("le", "0.2")})] == 2
    assert found["ronde_deadline_lateness_seconds_bucket", frozenset({("le", "+Inf")})] == 4
    assert found["ronde_states_set_aside_total", frozenset()] == 2


def test_those_who_answer_are_counted_by_what_they_said() -> None:
    metrics = Metrics()
    metrics.count(everything())
    assert value(metrics, "ronde_call_commands_total", action="CALL") == 2
    assert value(metrics, "ronde_call_results_total", outcome="IDENTIFIED") == 1
    assert value(metrics, "ronde_calls_unanswered_total") == 1
    assert value(metrics, "ronde_dispatch_commands_total", partner="guards", action="REQUEST") == 2
    assert value(metrics, "ronde_dispatch_reports_total", partner="guards", status="ACCEPTED") == 1
    assert value(metrics, "ronde_dispatch_reports_total", partner="guards", status="ON_SITE") == 1
    assert value(metrics, "ronde_dispatch_requests_unanswered_total", partner="guards") == 1
    assert value(metrics, "ronde_dispatch_response_seconds_count", partner="guards") == 1
    assert value(metrics, "ronde_dispatch_response_seconds_sum", partner="guards") == 12
    assert value(metrics, "ronde_attentions_total", reason="PARTNER_LATE", raised="again") == 1
    assert value(metrics, "ronde_attentions_total", reason="PARTNER_LATE", raised="first") == 0


def test_names_units_and_labels_are_of_the_conventions() -> None:
    metrics = Metrics(["security/1"], 6)
    metrics.hold(0)
    metrics.count(everything())
    for family in metrics.registry.collect():
        if family.name.startswith("process_"):  # the library's
            continue
        assert family.name.startswith("ronde_")
        assert family.documentation.endswith(".")
        assert family.type in {"counter", "gauge", "histogram"}
        last = family.name.rpartition("_")[2]
        assert family.unit == (last if last in UNITS else ""), family.name
        if family.type == "histogram":
            assert family.unit, family.name
    assert {name for _, labels in shown(metrics) for name, _ in labels} <= LABELS


def test_series_are_there_before_they_count() -> None:
    metrics = Metrics(["security/1"], 6)
    metrics.hold(3)
    found = shown(metrics)
    for reason in ("UNDECODABLE", "FAILED"):
        labels = frozenset({("topic", "alerts"), ("partition", "3"), ("reason", reason)})
        assert found["ronde_inputs_dead_lettered_total", labels] == 0
    assert {
        rule for name, labels in found if name == "ronde_decisions_total" for key, rule in labels if key == "rule"
    } == {*RULES}
    assert {phase for name, labels in found if name == "ronde_incidents_open" for _, phase in labels} == {*OPEN_PHASES}
    assert found["ronde_attentions_total", frozenset({("reason", "RUNAWAY"), ("raised", "again")})] == 0
    assert found["ronde_topic_partitions", frozenset()] == 6


def test_a_flood_of_partners_shares_one_label() -> None:
    metrics = Metrics()
    many = MOST_PARTNERS + 50
    for _ in range(2):
        metrics.count(Tally(dispatches=Counter({(f"partner-{n}", "REQUEST"): 1 for n in range(many)})))
    requests = {
        label: count
        for (name, labels), count in shown(metrics).items()
        if name == "ronde_dispatch_commands_total" and ("action", "REQUEST") in labels
        for key, label in labels
        if key == "partner"
    }
    assert len(requests) == MOST_PARTNERS + 1
    assert requests["partner-0"] == 2
    assert requests["others"] == 100


def test_a_partition_given_up_is_not_shown_any_more() -> None:
    metrics = Metrics()
    metrics.lag.labels("alerts", 3).set(5)
    metrics.lag_seconds.labels("alerts", 3).set(5)
    metrics.state_records.labels(3).set(5)
    metrics.state_bytes.labels(3).set(5)
    metrics.forget(3)
    metrics.forget(4)
    assert not [key for key in shown(metrics) if ("partition", "3") in key[1]]
