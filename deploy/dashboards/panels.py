"""The kinds of panels there are, and the dashboard around them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
)

SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH: Final = 24

# Grafana's names of units.
COUNT, SHARE, SECONDS, BYTES, PER_SECOND = "short", "percentunit", "s", "bytes", "cps"


def number(
    title: str,
    tells: str,
    query: str,
    unit: str = COUNT,
    *,
    warn: float | None = None,
    bad: float | None = None,
    runbook: str = "",
) -> stat.Panel:
    """A value as it is now, coloured by where it lies. ``runbook`` is the alert that looks at the same."""
    panel = (
        stat.Panel()
        .title(title)
        .description(tells)
        .datasource(SOURCE)
        .unit(unit)
        .thresholds(_thresholds(warn, bad))
        .color_mode(BigValueColorMode.BACKGROUND if bad is not None else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_query(query, ""))
        .height(4)
        .span(4)
    )
    return panel.links([_link(runbook)]) if runbook else panel


def ready(what: str, gauge: str, runbook: str) -> stat.Panel:
    """How many processes of a kind, in the plural, say that they are ready."""
    return number(f"{what} ready", f"{what} that say they are ready.", f"sum({gauge})", runbook=runbook)


def lines(
    title: str,
    tells: str,
    queries: str | Mapping[str, str],
    unit: str = COUNT,
    *,
    warn: float | None = None,
    bad: float | None = None,
    stacked: bool = False,
    runbook: str = "",
    width: int = 8,
) -> timeseries.Panel:
    """Values over time. ``queries`` by their legend, which may have labels in braces (`{{topic}}`)."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(tells)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .thresholds(_thresholds(warn, bad))
        .thresholds_style(
            common.GraphThresholdsStyleConfig().mode(
                GraphTresholdsStyleMode.OFF if bad is None else GraphTresholdsStyleMode.DASHED
            )
        )
        .draw_style(GraphDrawStyle.BARS if stacked else GraphDrawStyle.LINE)
        .fill_opacity(60 if stacked else 8)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .height(8)
        .span(width)
    )
    named = {"": queries} if isinstance(queries, str) else queries
    for place, (legend, query) in enumerate(named.items()):
        panel = panel.with_target(_query(query, legend, "ABCDEFGH"[place]))
    return panel.links([_link(runbook)]) if runbook else panel


def board(
    title: str,
    uid: str,
    tells: str,
    rows: Mapping[str, tuple[Builder[models.Panel], ...]],
    variables: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    *,
    range_: str = "now-6h",
) -> models.Dashboard:
    """A dashboard: its panels by row; ``variables`` are labels to choose from: what to call one, and the query."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(tells)
        .tags(["ronde"])
        .readonly()
        .refresh("30s")
        .time(range_, "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("ronde").type(models.DashboardLinkType.DASHBOARDS).tags(["ronde"]).keep_time(True)
        )
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for name, (label, query) in variables.items():
        made = made.with_variable(
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(SOURCE)
            .query(query)
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".*")
            .current(models.VariableOption(text="All", value="$__all", selected=True))
        )
    made = made.with_variable(
        dashboard.TextBoxVariable("runbooks")
        .label("Runbooks")
        .description("Where docs/runbooks can be opened; the panels link to it.")
        .default_value("docs/runbooks")
    )
    for row, panels in rows.items():
        made = made.with_row(dashboard.Row(row))
        for panel in panels:
            made = made.with_panel(panel)
    built = made.build()
    for number, placed in enumerate(built.panels or [], start=1):
        placed.id_val = number  # a link to a panel names it
    return built


def quantile(share: float, histogram: str, by: str = "") -> str:
    """The query of a quantile over the last minutes; ``histogram`` without its suffix."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket[$__rate_interval])))"


def spread(histogram: str) -> dict[str, str]:
    """The queries of what 99 % and half of its values stay below, by their legends."""
    return {"99 %": quantile(0.99, histogram), "half": quantile(0.5, histogram)}


def _query(query: str, legend: str, ref: str = "A") -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query).legend_format(legend or "__auto").ref_id(ref).datasource(SOURCE)


def _link(alert: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(f"Runbook: {alert}")
        .type(models.DashboardLinkType.LINK)
        .url(f"${{runbooks}}/{alert}.md")
        .target_blank(True)
    )


def _thresholds(warn: float | None, bad: float | None) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="green")]
    if warn is not None:
        steps.append(models.Threshold(value=warn, color="orange"))
    if bad is not None:
        steps.append(models.Threshold(value=bad, color="red"))
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
