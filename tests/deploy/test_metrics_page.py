"""docs/metrics.md is the list of the code, in words; `pytest tests/deploy/test_metrics_page.py --rewrite` writes it."""

from __future__ import annotations

from typing import Final

import pytest
from prometheus_client import CollectorRegistry, Metric

from edges.desk.metrics import DeskMetrics
from edges.partners.metrics import PartnersMetrics
from edges.portal.metrics import PortalMetrics
from edges.receiver.metrics import ReceiverMetrics
from edges.watchdog.metrics import WatchdogMetrics
from seal.metrics import SealMetrics
from sinks.observe.metrics import SinkMetrics
from streams.observe.metrics import Metrics
from tests.deploy.tools import ROOT

PAGE: Final = ROOT / "docs" / "metrics.md"
HEAD: Final = """# Metrics

All series that the processes expose at `/metrics`, as the code lists them (`streams/observe/metrics.py` and
`chunk_metrics.py`, `sinks/observe/metrics.py`, `edges/*/metrics.py`, `seal/metrics.py`); a test compares this page with
the code.
[operations.md](operations.md) explains what they mean for the engineer on duty.

No label names a site, a contact, an incident or an account. A worker counts a chunk once its transaction is committed.
Each process initialises its counters to 0. At every scrape, `ronde_inputs_total` equals the sum of the four ends below
it, for each topic and partition.

The library adds `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_start_time_seconds` and others.
"""


def test_the_page_is_the_list(request: pytest.FixtureRequest) -> None:
    page = HEAD + "".join(
        f"\n## {title}\n\n| name | type | labels | unit | |\n| --- | --- | --- | --- | --- |\n{rows(registry)}"
        for title, registry in (
            ("A worker", Metrics().registry),
            ("A sink", SinkMetrics().registry),
            ("A receiver", ReceiverMetrics().registry),
            ("A portal", PortalMetrics().registry),
            ("Partners over HTTP", PartnersMetrics().registry),
            ("A desk", DeskMetrics().registry),
            ("The watchdog", WatchdogMetrics().registry),
            ("The seal", SealMetrics().registry),
        )
    )
    if request.config.getoption("rewrite"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "do `pytest tests/deploy/test_metrics_page.py --rewrite`"


def rows(registry: CollectorRegistry) -> str:
    families = [family for family in registry.collect() if family.name.startswith("ronde_")]
    labels = labels_of(registry)
    return "".join(row(family, labels.get(family.name, ())) for family in families)


def row(family: Metric, labels: tuple[str, ...]) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    named = ", ".join(f"`{label}`" for label in labels)
    return f"| `{name}` | {family.type} | {named} | {family.unit} | {family.documentation} |\n"


def labels_of(registry: CollectorRegistry) -> dict[str, tuple[str, ...]]:
    """The labels of each family, also of one that has no series yet."""
    found = {}
    for collector in registry._collector_to_names:
        names = getattr(collector, "_labelnames", ())
        for family in collector.collect():
            found[family.name] = tuple(names)
    return found
