"""Installations that belong to another one, which has the workers: a watchdog in another cluster, more receivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from edges.watchdog.metrics import WatchdogMetrics
from ronde.shared.whole_settings import WholeSettings
from streams.observe.metrics import Metrics
from streams.settings import load
from tests.deploy.alerts.test_alerts import metrics_in, promtool, series_of
from tests.deploy.chart import (
    CHART,
    SETS,
    WATCHDOG_ALONE,
    Object,
    RefusedError,
    helm,
    objects,
    of_kind,
    pod,
    pods,
    text,
    walk,
    write,
)
from tests.deploy.kubelet import environment

pytestmark = pytest.mark.slow  # helm and promtool take their time

NO_WORKERS: Final = {"worker": {"enabled": False}, "sink": {"enabled": False}, "topics": {"enabled": False}}


@pytest.fixture(scope="module")
def alone() -> list[Object]:
    return objects(text(WATCHDOG_ALONE))


def test_the_watchdog_alone_has_nothing_of_workers(alone: list[Object]) -> None:
    assert {(one["kind"], one["metadata"]["name"]) for one in alone} == {
        *((kind, "ronde-watchdog") for kind in ("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy")),
        *((kind, "ronde-test") for kind in ("Pod", "NetworkPolicy")),
        *(("ServiceAccount", "ronde"), ("ServiceMonitor", "ronde"), ("PrometheusRule", "ronde-ronde")),
    }


def test_the_watchdog_alone_demands_no_secret_of_others(alone: list[Object]) -> None:
    named = {value.get("secretName") or value.get("name") for path, value in walk(alone) if path[-1:] == ("secret",)}
    named |= {value["name"] for path, value in walk(alone) if path[-1:] == ("secretKeyRef",)}
    own = {"ronde-watchdog-webhook", "ronde-watchdog-ping", "ronde-canary"}
    assert named == {"ronde-kafka-watchdog", "ronde-registry", *own}


def test_the_test_asks_the_watchdog_alone(alone: list[Object]) -> None:
    (container,) = pod(alone, "test").containers
    assert container["name"] == "ready"
    assert container["args"][1:] == ["http://ronde-watchdog:6093/ready"]


def test_the_watchdog_alone_judges_by_the_settings_of_what_it_watches(alone: list[Object], tmp_path: Path) -> None:
    def watched(found: list[Object]) -> WholeSettings:
        one = pod(found, "watchdog")
        return load(None, dict(environment(one, one.container("watchdog"), tmp_path)), WholeSettings)

    here, there = watched(alone), watched(objects(text(SETS["three-zones"])))
    for settings in (here, there):
        assert settings.for_watchdog().canary_site == "CANARY"
    assert here.procedures() == there.procedures()
    assert (here.prefix, here.topics.partitions) == (there.prefix, there.topics.partitions)


def test_the_alerts_of_the_engine_are_left_to_where_it_runs(alone: list[Object], tmp_path: Path) -> None:
    found = of_kind(alone, "PrometheusRule")["ronde-ronde"]["spec"]["groups"]
    whole = yaml.safe_load((CHART / "alerts" / "ronde.yaml").read_text("utf-8"))["groups"]
    names = [group["name"] for group in found]
    assert found == [group for group in whole if group["name"] in names]
    assert "ronde-watchdog" in names

    recorded = {
        rule["record"]: set(metrics_in(rule["expr"])) for group in whole for rule in group["rules"] if "record" in rule
    }

    def metrics_of(rule: dict[str, Any]) -> set[str]:
        names = set(metrics_in(rule["expr"]))
        return names.union(*(recorded[name] for name in names & recorded.keys()))

    def asked(group: dict[str, Any]) -> set[str]:
        return set().union(*map(metrics_of, group["rules"]))

    engine = {name for family in Metrics().registry.collect() for name in series_of(family)}
    engine -= {name for family in WatchdogMetrics().registry.collect() for name in series_of(family)}
    left_out = [group for group in whole if group["name"] not in names]
    assert [rule for group in left_out for rule in group["rules"] if not metrics_of(rule) & engine] == []
    assert not set().union(*map(asked, found)) & engine
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": found}), encoding="utf-8")
    promtool("check", "rules", tmp_path / "rules.yaml")


def test_more_receivers_join_no_group_of_workers(tmp_path: Path) -> None:
    found = objects(text(SETS["one-zone"], write(tmp_path, NO_WORKERS | {"receiver": {"enabled": True}})))
    assert {one.component for one in pods(found)} == {"receiver", "test"}
    assert of_kind(found, "StatefulSet") == {}


def test_where_the_topics_are_made_the_test_checks_them(tmp_path: Path) -> None:
    values = {"worker": {"enabled": False}, "receiver": {"enabled": True}}
    found = objects(text(SETS["one-zone"], write(tmp_path, values)))
    assert [one["name"] for one in pod(found, "test").containers] == ["topics", "ready"]


def test_values_that_do_not_say_so_keep_the_workers(tmp_path: Path) -> None:
    before = write(tmp_path, {"worker": {"enabled": None}})  # takes the default out
    assert objects(text(SETS["three-zones"], before)) == objects(text(SETS["three-zones"]))


def test_an_installation_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"worker\.enabled: nothing is enabled"):
        text(SETS["one-zone"], write(tmp_path, NO_WORKERS))


def test_the_notes_name_no_worker() -> None:
    installed = ("install", "ronde", CHART, "--namespace", "alarms", "--dry-run=client", "--values", WATCHDOG_ALONE)
    said = helm(*installed, generation="helm").partition("NOTES:")[2]
    assert "no workers, no ledger, a watchdog." in said
    assert "-worker" not in said
    assert "NOTE: " not in said
