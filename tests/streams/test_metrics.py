"""The metrics: named by the conventions, counted as chunks, without anybody's data in a label."""

from collections import Counter

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.batch import Tally
from streams.metrics import Metrics

LABELS = {"topic", "partition", "rule", "procedure", "reason", "phase", "event", "error", "le"}


def shown(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_chunk_is_counted_at_once() -> None:
    metrics = Metrics()
    tally = Tally(
        taken=Counter({("alerts", 0): 3}),
        decided=Counter({("alerts", 0): 2}),
        dead_lettered=Counter({("alerts", 0, "FAILED"): 1}),
        decisions=Counter({("OPENED", "security/1"): 2}),
        lateness=[0.0, 0.3],
        set_aside=1,
    )
    metrics.count(tally)
    metrics.count(tally)
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


def test_names_and_labels_are_of_the_conventions() -> None:
    metrics = Metrics()
    for family in metrics.registry.collect():
        assert family.name.startswith("ronde_")
        assert family.documentation.endswith(".")
        assert family.type in {"counter", "gauge", "histogram"}
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_records"))
    metrics.count(Tally(taken=Counter({("alerts", 0): 1}), decisions=Counter({("OPENED", "security/1"): 1})))
    assert {name for _, labels in shown(metrics) for name, _ in labels} <= LABELS


def test_a_partition_given_up_is_not_shown_any_more() -> None:
    metrics = Metrics()
    metrics.lag.labels("alerts", 3).set(5)
    metrics.state_records.labels(3).set(5)
    metrics.forget(3)
    metrics.forget(4)
    assert not [key for key in shown(metrics) if ("partition", "3") in key[1]]
