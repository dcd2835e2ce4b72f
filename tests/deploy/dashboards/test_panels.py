"""Each panel says what it shows, in which unit, and from when on it is worth a look."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from deploy.dashboards.__main__ import DASHBOARDS, file_of, text_of
from tests.deploy.dashboards.panels import FILES, panels, queries, read
from tests.deploy.tools import ROOT


def test_the_files_are_those_that_are_described() -> None:
    assert [file_of(dashboard) for dashboard in sorted(DASHBOARDS, key=file_of)] == FILES
    for dashboard in DASHBOARDS:
        said = "do `make dashboards`"
        assert file_of(dashboard).read_text(encoding="utf-8") == text_of(dashboard), said


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_panel_says_what_it_shows_and_where_to_read_on(path: Path) -> None:
    for panel in panels(read(path)):
        title = panel["title"]
        assert title, path
        assert panel["description"].endswith("."), title
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], title
        steps = [step["value"] for step in defaults["thresholds"]["steps"]]
        assert steps[0] is None, title
        assert steps[1:] == sorted(steps[1:]), title
        for link in panel.get("links", []):
            assert link["url"].startswith("${runbooks}/"), title
            assert (ROOT / "docs" / "runbooks" / link["url"].removeprefix("${runbooks}/")).is_file(), title


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dashboard_asks_the_prometheus_that_is_chosen(path: Path) -> None:
    dashboard = read(path)
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in panels(dashboard):
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references), panel["title"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_lies_over_another(path: Path) -> None:
    ids = [panel["id"] for panel in read(path)["panels"]]
    assert len(set(ids)) == len(ids)
    places: list[dict[str, Any]] = [panel["gridPos"] for panel in read(path)["panels"]]
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_no_query_is_left_with_a_variable() -> None:
    assert [str(asked) for asked in queries() if "$" in asked.query] == []
