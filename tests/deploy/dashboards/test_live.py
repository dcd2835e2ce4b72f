"""Each panel shows something of a night that was played; so do the queries of the runbooks; no alert is false."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ronde.demo import panels, stage
from ronde.local.ports import free_port
from ronde.local.postgres import Postgres
from tests.deploy.dashboards.night import Prometheus, played
from tests.deploy.dashboards.panels import queries
from tests.deploy.tools import ROOT, tool

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka


@pytest.fixture(scope="module")
def prometheus(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = tool("prometheus")
    folder = tmp_path_factory.mktemp("night")
    database = Postgres(folder / "postgres", port=free_port(), extra_properties={"fsync": "off"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where the demonstration keeps its files
        patch.setattr(stage, "free_port", lambda *_usual: free_port())  # the usual one may be another run's
        database.start()
        try:
            with played(program, kafka.bootstrap_servers, database, folder) as night:
                yield night
        finally:
            database.stop()


def test_every_panel_has_something_to_show(prometheus: Prometheus) -> None:
    empty = [str(asked) for asked in queries() if not any(map(math.isfinite, prometheus.ask(asked.query).values()))]
    assert not empty, "\n".join(empty)


def test_the_logs_are_lines_of_json_without_anybody_in_them(prometheus: Prometheus) -> None:
    sites = [json.loads(line) for line in stage.SITES.read_text(encoding="utf-8").splitlines()]
    contacts = [contact for site in sites for contact in site["contacts"]]
    personal = {
        *(
            contact.get(field)
            for contact in contacts
            for field in ("phone", "last_name", "password_hash", "duress_hash")
        ),
        *(site["address"]["line1"] for site in sites if site.get("address")),
        *(site.get("instructions") for site in sites),
    } - {None, ""}
    assert len(personal) > 60
    accounts = {json.loads(line)["account"] for line in panels.TRANSMITTERS.read_text(encoding="utf-8").splitlines()}
    for name in ("worker", "sink", "receiver", "desk"):
        (log,) = prometheus.folder.glob(f".ronde/demo/*/{name}.log")
        text = log.read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
        events = {line["event"] for line in lines}
        assert f"{name} started" in events
        if name in {"receiver", "desk"}:
            assert f"{name} listens" in events
            assert accounts & {str(value) for line in lines for value in line.values()} == set()
        else:
            assert "partitions assigned" in events
        if name == "worker":
            assert {"partition restored", "the worker is ready", "an attention is raised"} <= events
        assert [who for who in personal if who in text] == []


def test_every_rule_is_evaluated_and_no_alert_is_false(prometheus: Prometheus) -> None:
    groups = prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 25
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    # A partner of the stories says nothing, three times, and nobody sees to what is handed over; a panel is refused.
    firing = {
        alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"] if alert["state"] == "firing"
    }
    assert {"RondeReceiverRefusing"} <= firing
    assert firing <= {"RondePartnerSilent", "RondeAttentionUnhandled", "RondeReceiverRefusing"}


def test_the_queries_of_the_runbooks_are_queries(prometheus: Prometheus) -> None:
    asked = 0
    for path in sorted((ROOT / "docs" / "runbooks").glob("*.md")):
        for span in re.findall(r"`([^`]*(?:ronde_|process_)[^`]*)`", path.read_text(encoding="utf-8")):
            prometheus.ask(span.replace("…", ""))
            asked += 1
    assert asked > 40


def test_conservation_as_prometheus_adds_it_up(prometheus: Prometheus) -> None:
    assert set(prometheus.ask("topic:ronde_inputs_unaccounted:sum").values()) == {0.0}
    (taken,) = prometheus.ask('sum(ronde_inputs_total{topic!="sites"})').values()
    assert taken > 60
    (decisions,) = prometheus.ask("sum(ronde_decisions_total)").values()
    (rows,) = prometheus.ask('sum(ronde_sink_rows_total{topic="decisions"})').values()
    assert rows == decisions, "the ledger has every decision"
