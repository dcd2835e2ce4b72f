"""Each alert fires when it must, is silent when it must not, and leads to a page that helps."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import Metric

from edges.desk.metrics import DeskMetrics
from edges.partners.metrics import PartnersMetrics
from edges.portal.metrics import PortalMetrics
from edges.receiver.metrics import ReceiverMetrics
from edges.watchdog.metrics import WatchdogMetrics
from seal.metrics import SealMetrics
from sinks.observe.metrics import SinkMetrics
from streams.observe.metrics import Metrics
from streams.settings import load
from tests.deploy.chart import SETS, objects, pod, text
from tests.deploy.dashboards.panels import queries
from tests.deploy.tools import ROOT, tool

pytestmark = pytest.mark.slow  # helm and promtool take their time

RULES: Final = sorted((ROOT / "deploy" / "helm" / "ronde" / "alerts").glob("*.yaml"))
PLAYS: Final = sorted(Path(__file__).parent.glob("*.yaml"))
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
OPERATIONS: Final = ROOT / "docs" / "operations.md"


def groups() -> list[dict[str, Any]]:
    """All groups of rules."""
    return [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]


def rules(kind: str) -> list[dict[str, Any]]:
    """All rules of a kind: "alert" or "record"."""
    return [rule for group in groups() for rule in group["rules"] if kind in rule]


ALERTS: Final = sorted({rule["alert"] for rule in rules("alert")})


def promtool(*arguments: str | Path) -> None:
    ran = subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_rules_are_prometheus_own() -> None:
    promtool("check", "rules", *RULES)


@pytest.mark.parametrize("play", PLAYS, ids=lambda path: path.stem)
def test_the_alerts_fire_when_they_must_and_only_then(play: Path, tmp_path: Path) -> None:
    """Of the rules those that the play asks for, and what they are made of: all others, each minute, take long."""
    played = play.read_text(encoding="utf-8")
    names = {test["alertname"] for part in yaml.safe_load(played)["tests"] for test in part["alert_rule_test"]}
    used = {name for rule in rules("alert") if rule["alert"] in names for name in metrics_in(rule["expr"])}
    kept = [
        {**group, "rules": [rule for rule in group["rules"] if rule.get("alert", rule.get("record")) in names | used]}
        for group in groups()
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": kept}), encoding="utf-8")
    (tmp_path / play.name).write_text(
        re.sub(r"(?m)^rule_files:.*$", "rule_files: [rules.yaml]", played), encoding="utf-8"
    )
    promtool("test", "rules", tmp_path / play.name)


def test_each_alert_is_played_both_ways() -> None:
    played: dict[str, set[bool]] = defaultdict(set)
    for play in PLAYS:
        for test in yaml.safe_load(play.read_text(encoding="utf-8"))["tests"]:
            for asked in test["alert_rule_test"]:
                played[asked["alertname"]].add(bool(asked["exp_alerts"]))
    assert dict(played) == {name: {True, False} for name in ALERTS}


@pytest.mark.parametrize("rule", rules("alert"), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_says_who_is_woken_what_is_wrong_and_where_to_read_on(rule: dict[str, Any]) -> None:
    labels, annotations = rule["labels"], rule["annotations"]
    assert labels["severity"] in {"critical", "warning"}
    assert labels["audience"] in {"sre", "duty"}
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert (ROOT / annotations["runbook_url"]).is_file()


def test_no_alert_tells_of_a_standstill_that_the_probe_is_about_to_end() -> None:
    (rule,) = [rule for rule in rules("alert") if rule["alert"] == "RondeStandingStill"]
    worker = pod(objects(text(SETS["one-zone"])), "worker")
    probe = worker.container("worker")["livenessProbe"]
    restart = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    cure = load(None, {}).worker.stall_seconds + restart + worker.spec["terminationGracePeriodSeconds"]
    scrape = 15
    assert int(rule["expr"].rpartition("> ")[2]) > cure + scrape


def test_each_page_is_of_an_alert_and_has_its_three_parts() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("Ronde*.md")) == ALERTS
    for path in RUNBOOKS.glob("Ronde*.md"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.stem}\n")
        headings = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
        assert headings == ["What it means", "What to look at", "What to do"], path.name


def test_the_page_of_operations_has_a_row_for_each_alert() -> None:
    severities: dict[str, list[str]] = defaultdict(list)
    for rule in rules("alert"):
        if rule["labels"]["severity"] not in severities[rule["alert"]]:
            severities[rule["alert"]].append(rule["labels"]["severity"])
    text = OPERATIONS.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \| ([a-z, ]+) \|", text, flags=re.MULTILINE)
    assert dict(rows) == {name: ", ".join(found) for name, found in severities.items()}


def test_every_metric_that_is_asked_for_is_one_that_is_shown() -> None:
    processes = (
        Metrics(),
        SinkMetrics(),
        ReceiverMetrics(),
        PortalMetrics(),
        PartnersMetrics(),
        WatchdogMetrics(),
        SealMetrics(),
        DeskMetrics(),
    )
    families = [family for process in processes for family in process.registry.collect()]
    known = {name for family in families for name in series_of(family)} | {rule["record"] for rule in rules("record")}
    expressions = [*(rule["expr"] for rule in rules("alert") + rules("record")), *(panel.query for panel in queries())]
    asked = {name for expression in expressions for name in metrics_in(expression)}
    texts = [path.read_text(encoding="utf-8") for path in [*RUNBOOKS.glob("*.md"), OPERATIONS]]
    assert asked <= known, asked - known
    named = {name for text in texts for name in metrics_in(text)} - {family.name for family in families}
    assert named <= known, named - known


def metrics_in(text: str) -> set[str]:
    """The names in a query, or in a page; those of a regular expression are left out."""
    plain = re.sub(r'__name__=~"[^"]*"', "", text)
    return set(re.findall(r"\b(?:[a-z]+:)?ronde_[a-z0-9_]+(?::[a-z0-9_]+)*|\bronde:[a-z0-9_:]+", plain))


def series_of(family: Metric) -> set[str]:
    """The names under which a family is scraped."""
    if family.type == "counter":
        return {f"{family.name}_total"}
    if family.type == "histogram":
        return {f"{family.name}_{part}" for part in ("bucket", "count", "sum")}
    return {family.name}


def test_every_line_of_a_log_that_a_page_quotes_is_one_that_is_written() -> None:
    sources = [
        path for package in ("service", "streams", "sinks", "seal", "edges") for path in (ROOT / package).rglob("*.py")
    ]
    written = re.sub(r'"\s+f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in sources))
    quoted = {
        (path.stem, words)
        for path in [*RUNBOOKS.glob("*.md"), OPERATIONS]
        for words in re.findall(r"`([a-z']+(?:,? [a-z']+){2,})`", path.read_text(encoding="utf-8"))
        if not words.startswith(("ronde ", "kubectl ", "rate"))
    }
    assert len(quoted) > 20
    assert {(page, words) for page, words in quoted if words not in written} == set()
