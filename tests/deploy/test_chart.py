"""The chart is well-formed: for Helm, for the schemas of Kubernetes, for the Prometheus operator and for Grafana."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from streams.settings import load
from tests.deploy.chart import CHART, PAGED, SETS, WATCHDOG_ALONE, WEB, helm, objects, of_kind, paged, pod, text, write
from tests.deploy.tools import ROOT, tool

pytestmark = pytest.mark.slow  # helm and promtool take their time

GENERATIONS: Final = ("helm3", "helm")
KUBERNETES: Final = ("1.31", "1.37")  # the oldest that Chart.yaml admits, and the newest
OPERATOR: Final = "monitoring.coreos.com/v1"
ONE_ZONE: Final = SETS["one-zone"]
FILES: Final = (*SETS.values(), WATCHDOG_ALONE)


class Strict(BaseModel):
    """A shape with nothing beside it."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class Metadata(Strict):
    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)
    labels: dict[str, str]


class Expression(Strict):
    key: str
    operator: Literal["In"]
    values: list[str]


class Selector(Strict):
    match_labels: dict[str, str] = Field(alias="matchLabels")
    match_expressions: list[Expression] = Field(alias="matchExpressions")


class Relabeling(Strict):
    source_labels: list[str] = Field(alias="sourceLabels")
    target_label: str = Field(alias="targetLabel")


class Endpoint(Strict):
    port: str
    path: str
    interval: str = Field(pattern=r"^[0-9]+(ms|s|m)$")
    relabelings: list[Relabeling]


class Monitored(Strict):
    selector: Selector
    endpoints: list[Endpoint]


class ServiceMonitor(Strict):
    """As the operator has it, as far as the chart uses it."""

    api_version: Literal["monitoring.coreos.com/v1"] = Field(alias="apiVersion")
    kind: Literal["ServiceMonitor"]
    metadata: Metadata
    spec: Monitored


class Rule(Strict):
    alert: str | None = None
    record: str | None = None
    expr: str | int
    for_: str | None = Field(default=None, alias="for")
    keep_firing_for: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(Strict):
    name: str
    interval: str | None = None
    labels: dict[str, str] = {}
    rules: list[Rule]


class Groups(Strict):
    groups: list[Group] = Field(min_length=1)


class PrometheusRule(Strict):
    """As the operator has it, as far as Prometheus 2.42 knows rules."""

    api_version: Literal["monitoring.coreos.com/v1"] = Field(alias="apiVersion")
    kind: Literal["PrometheusRule"]
    metadata: Metadata
    spec: Groups


@pytest.mark.parametrize("values", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_helm_has_nothing_to_say_against_it(generation: str, values: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, "--values", values, generation=generation)


@pytest.mark.parametrize("values", FILES, ids=lambda path: path.stem)
def test_both_generations_of_helm_render_the_same(values: Path) -> None:
    def order(one: dict[str, Any]) -> tuple[str, str]:
        return one["kind"], one["metadata"]["name"]

    old, new = (sorted(objects(text(values, generation=generation)), key=order) for generation in GENERATIONS)
    assert old == new


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", FILES, ids=lambda path: path.stem)
def test_kubernetes_has_these_objects_with_these_fields(tmp_path: Path, values: Path, version: str) -> None:
    rendered = objects(text(values))
    ours = [one for one in rendered if one["apiVersion"] != OPERATOR]
    path = tmp_path / "rendered.yaml"
    path.write_text(yaml.safe_dump_all(ours), encoding="utf-8")
    judged = subprocess.run(
        [tool("kubernetes-validate"), "--strict", "-k", version, path], capture_output=True, text=True, check=False
    )
    said = (judged.stdout + judged.stderr).splitlines()
    assert judged.returncode == 0, said
    assert sum("passed" in line for line in said) == len(ours), said  # a kind without a schema is a warning only
    assert len(ours) > (6 if values == WATCHDOG_ALONE else 10)


def test_the_oldest_kubernetes_tried_is_the_oldest_admitted() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["kubeVersion"] == f">={KUBERNETES[0]}.0-0"


def test_the_chart_installs_this_version_of_ronde() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert chart["appVersion"] == project["version"]


@pytest.mark.parametrize("name", SETS)
def test_all_that_runs_at_night_is_there(name: str) -> None:
    rendered = objects(text(SETS[name]))
    found = {(one["kind"], one["metadata"]["name"]) for one in rendered}
    running = paged(rendered)
    both = {
        *(("StatefulSet", "ronde-worker"), ("Deployment", "ronde-sink"), ("ServiceAccount", "ronde")),
        *(("Job", "ronde-topics"), ("Job", "ronde-migrations"), ("Pod", "ronde-test")),
        *((kind, f"ronde-{component}") for kind in ("Service", "PodDisruptionBudget") for component in running),
        *(("NetworkPolicy", f"ronde-{component}") for component in (*running, "topics", "migrations", "test")),
    }
    assert running == [*PAGED][: None if name == "three-zones" else 2]  # the edges are the user's to want
    if "receiver" in running:
        both |= {
            *(("Deployment", f"ronde-{component}") for component in ("receiver", "watchdog", "seal")),
            *(("Service", f"ronde-receiver-{name}") for name in ("panels", "http")),
            *((kind, f"ronde-{component}") for kind in ("Deployment", "Ingress") for component in WEB),
            *(("Service", f"ronde-{component}-web") for component in WEB),
        }
    operated = {("ServiceMonitor", "ronde")} if name == "three-zones" else set()
    generated = {one for one in found if one[0] in {"PrometheusRule", "ConfigMap"}}
    assert found - generated == both | operated
    assert bool(generated) == (name == "three-zones" and any(CHART.glob("alerts/*.yaml")))


def test_prometheus_finds_every_kind_of_pods() -> None:
    rendered = objects(text(SETS["three-zones"]))
    monitor = ServiceMonitor.model_validate(of_kind(rendered, "ServiceMonitor")["ronde"])
    (endpoint,) = monitor.spec.endpoints
    services = of_kind(rendered, "Service")
    for component, port in PAGED.items():
        service = services[f"ronde-{component}"]
        assert service["spec"]["ports"][0]["port"] == port
        labels = service["metadata"]["labels"]
        assert monitor.spec.selector.match_labels.items() <= labels.items()
        (expression,) = monitor.spec.selector.match_expressions
        assert labels[expression.key] in expression.values
        assert [port["name"] for port in service["spec"]["ports"]] == [endpoint.port]
        assert service["spec"]["publishNotReadyAddresses"]  # one that restores is watched too
    for one in [*of_kind(rendered, "StatefulSet").values(), *of_kind(rendered, "Deployment").values()]:
        assert not [name for name in one["spec"]["template"]["metadata"]["annotations"] if "prometheus.io" in name]


def test_without_the_operator_annotations_say_where_to_scrape() -> None:
    rendered = objects(text(ONE_ZONE))
    for one in [*of_kind(rendered, "StatefulSet").values(), *of_kind(rendered, "Deployment").values()]:
        template = one["spec"]["template"]
        (port,) = [port for port in template["spec"]["containers"][0]["ports"] if port["name"] == "pages"]
        said = {name: value for name, value in template["metadata"]["annotations"].items() if "prometheus.io" in name}
        assert said == {
            "prometheus.io/scrape": "true",
            "prometheus.io/path": "/metrics",
            "prometheus.io/port": str(port["containerPort"]),
        }


# Most names become labels of pods or names of hosts. A revision's hash comes behind a StatefulSet's, in such a label;
# what makes no pods is bound by the API alone.
LONGEST: Final = {"StatefulSet": 52, "ConfigMap": 253, "PrometheusRule": 253}


@pytest.mark.parametrize("name", ["r", "ronde", "alarms", "a" * 53])
def test_no_name_is_too_long_whatever_the_release_is_called(name: str) -> None:
    rendered = objects(helm("template", name, CHART, "--values", SETS["three-zones"]))
    for one in rendered:
        assert len(one["metadata"]["name"]) <= LONGEST.get(one["kind"], 63)
        assert all(len(label) <= 63 for label in one["metadata"]["labels"].values())
    account = of_kind(rendered, "ServiceAccount")
    assert pod(rendered, "worker").spec["serviceAccountName"] in account
    assert of_kind(rendered, "StatefulSet").keys() == {f"{next(iter(account))}-worker"}


RUNBOOKS: Final = yaml.safe_load(SETS["three-zones"].read_text("utf-8"))["monitoring"]["rules"]["runbooks"]
RULES: Final = """groups:
  - name: sample
    rules:
      - alert: Late
        expr: sum by (topic) (lag) > 5
        for: 1m
        labels: {severity: page}
        annotations:
          summary: '{{ $labels.topic }} is {{ $value | humanizeDuration }} behind'
          runbook_url: docs/runbooks/Late.md
"""
DASHBOARD: Final = {"title": "Sample", "panels": [{"targets": [{"expr": "lag", "legendFormat": "{{topic}}"}]}]}


def test_links_to_runbooks_are_paths_unless_it_is_told_where_they_are(tmp_path: Path) -> None:
    chart = shutil.copytree(CHART, tmp_path / "ronde")
    shutil.rmtree(chart / "alerts", ignore_errors=True)
    (chart / "alerts").mkdir()
    (chart / "alerts" / "sample.yaml").write_text(RULES, encoding="utf-8")
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"monitoring": {"rules": {"runbooks": ""}}}), encoding="utf-8")
    rules = of_kind(objects(text(SETS["three-zones"], values, chart=chart)), "PrometheusRule")["ronde-sample"]
    assert rules["spec"] == yaml.safe_load(RULES)


def test_rules_and_dashboards_keep_their_braces(tmp_path: Path) -> None:
    chart = shutil.copytree(CHART, tmp_path / "ronde")
    for name in ("alerts", "dashboards"):
        shutil.rmtree(chart / name, ignore_errors=True)
        (chart / name).mkdir()
    (chart / "alerts" / "sample.yaml").write_text(RULES, encoding="utf-8")
    (chart / "dashboards" / "sample.json").write_text(json.dumps(DASHBOARD, indent=2), encoding="utf-8")
    rendered = objects(text(SETS["three-zones"], chart=chart))
    rules = of_kind(rendered, "PrometheusRule")["ronde-sample"]
    assert PrometheusRule.model_validate(rules).model_dump(exclude_unset=True)
    assert rules["spec"] == yaml.safe_load(RULES.replace("docs/runbooks/", RUNBOOKS))
    dashboard = of_kind(rendered, "ConfigMap")["ronde-dashboard-sample"]
    assert json.loads(dashboard["data"]["sample.json"]) == DASHBOARD


def test_the_rules_and_dashboards_of_the_chart_are_installed_as_they_are() -> None:
    rendered = objects(text(SETS["three-zones"]))
    rules, dashboards = of_kind(rendered, "PrometheusRule"), of_kind(rendered, "ConfigMap")
    files = sorted(CHART.glob("alerts/*.yaml")), sorted(CHART.glob("dashboards/*.json"))
    assert [len(rules), len(dashboards)] == [len(files[0]), len(files[1])]
    for path in files[0]:
        found = rules[f"ronde-{path.stem}"]
        PrometheusRule.model_validate(found)
        assert found["spec"] == yaml.safe_load(path.read_text("utf-8").replace("docs/runbooks/", RUNBOOKS))
        assert found["metadata"]["labels"]["release"] == "prometheus"
    for path in files[1]:
        found = dashboards[f"ronde-dashboard-{path.stem}"]
        assert json.loads(found["data"][path.name]) == json.loads(path.read_text("utf-8"))
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert len(found["data"][path.name]) < 1_000_000  # what a ConfigMap holds


def test_the_notes_say_what_to_do_next(tmp_path: Path) -> None:
    def said(values: Path, *over: Path) -> str:
        files = [argument for file in (values, *over) for argument in ("--values", file)]
        # Helm 3 shows them to who has a cluster only.
        installed = ("install", "ronde", CHART, "--namespace", "alarms", "--dry-run=client")
        return helm(*installed, *files, generation="helm").partition("NOTES:")[2]

    partitions = load(None, {}).topics.partitions
    assert f"2 workers on {partitions} partitions, 2 sinks" in said(ONE_ZONE)
    assert "helm test ronde -n alarms" in said(ONE_ZONE)
    assert "3 sinks, 3 receivers, 3 desk, 3 portal, 3 partners, a watchdog, a seal." in said(SETS["three-zones"])
    assert re.findall(r"^NOTE: .*", said(SETS["three-zones"]), re.MULTILINE) == []
    bare = {"worker": {"replicas": 1}, "monitoring": {"scrape": "none"}, "networkPolicy": {"enabled": False}}
    bare["receiver"] = {"enabled": True, "replicas": 1}
    assert len(re.findall(r"^NOTE: ", said(ONE_ZONE, write(tmp_path, bare)), re.MULTILINE)) == 6
    partners: dict[str, Any] = {"enabled": True}
    assert "NOTE: webhooks have no link" in said(ONE_ZONE, write(tmp_path, {"partners": partners}))
    partners["publicUrl"] = "https://guards.example"
    assert "webhooks have no link" not in said(ONE_ZONE, write(tmp_path, {"partners": partners}))
    to_one_desk = {"nginx.ingress.kubernetes.io/affinity": "cookie"}
    sample = of_kind(objects(text(SETS["three-zones"])), "Ingress")["ronde-desk"]["metadata"]
    assert sample["annotations"] == to_one_desk
    desk: dict[str, Any] = {"enabled": True, "sessionKeySecret": {"name": "session"}}
    desk["ingress"] = {"enabled": True, "host": "desk.example"}
    assert "set desk.ingress.annotations" in said(ONE_ZONE, write(tmp_path, {"desk": desk}))
    assert "desk.ingress" not in said(ONE_ZONE, write(tmp_path, {"desk": {**desk, "replicas": 1}}))
    desk["ingress"]["annotations"] = to_one_desk
    assert "desk.ingress" not in said(ONE_ZONE, write(tmp_path, {"desk": desk}))
    assert "more workers than partitions" in said(ONE_ZONE, write(tmp_path, {"worker": {"replicas": 7}}))
