"""`make dashboards`: writes the dashboards into the chart."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards import desk, duty_manager, evidence, partners, portal, receivers, sre

FOLDER: Final = Path(__file__).parents[1] / "helm" / "ronde" / "dashboards"
DASHBOARDS: Final = (
    duty_manager.DASHBOARD,
    sre.DASHBOARD,
    receivers.DASHBOARD,
    partners.DASHBOARD,
    desk.DASHBOARD,
    portal.DASHBOARD,
    evidence.DASHBOARD,
)


def file_of(dashboard: Dashboard) -> Path:
    """Where a dashboard lies."""
    assert dashboard.uid is not None
    return FOLDER / f"{dashboard.uid.removeprefix('ronde-')}.json"


def text_of(dashboard: Dashboard) -> str:
    """The content of a dashboard's file."""
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(dashboard) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for made in DASHBOARDS:
        file_of(made).write_text(text_of(made), encoding="utf-8")
