"""The dashboards as Grafana reads them: their panels, and the queries of these."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.deploy.tools import ROOT

FILES: Final = sorted((ROOT / "deploy" / "helm" / "ronde" / "dashboards").glob("*.json"))
# What Grafana puts in their place: some scrapes, and here the whole night, however long a busy machine takes for it;
# the time shown; all partners.
VARIABLES: Final = {"$__rate_interval": "20m", "$__range": "20m", "$partner": ".*"}


class PanelQuery(NamedTuple):
    """One query of a panel."""

    dashboard: str
    panel: str
    query: str

    def __str__(self) -> str:
        return f"{self.dashboard} · {self.panel} · {self.query}"


def read(path: Path) -> dict[str, Any]:
    """A dashboard."""
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Its panels, without the rows that they stand in."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> Iterator[PanelQuery]:
    """Every query of every panel, as Prometheus is asked."""
    for path in FILES:
        for panel in panels(read(path)):
            for target in panel["targets"]:
                query = target["expr"]
                for name, value in VARIABLES.items():
                    query = query.replace(name, value)
                yield PanelQuery(path.stem, panel["title"], query)
