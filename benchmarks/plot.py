"""Draws docs/performance.png and .svg: rates, and latencies, of all contenders. Runs where matplotlib is.

``python plot.py FILE``: a JSON file of the bars (`benchmarks.drawing`), so that it imports no package of the project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OURS, OTHERS, LIMIT, FAINT = "#1b6e5a", "#9aa5b1", "#c9d1d9", "#5b6570"


def bars(axes: Any, title: str, rows: list[dict[str, Any]], unit: str, *, is_less_better: bool = False) -> None:
    """Horizontal bars with their ranges, the figure written at the end; latencies on a logarithmic scale."""
    names = [row["name"] for row in rows]
    axes.barh(
        names, [row["median"] for row in rows], color=[OURS if row["ours"] else OTHERS for row in rows], height=0.62
    )
    axes.invert_yaxis()
    reach = max(row["most"] for row in rows)
    for place, row in enumerate(rows):
        if row["least"] < row["most"]:
            range_ = [[row["median"] - row["least"]], [row["most"] - row["median"]]]
            axes.errorbar(row["median"], place, xerr=range_, ecolor=FAINT, elinewidth=1, capsize=2.5)
        beside = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 9, "color": "#222"}
        axes.annotate(format(row["median"], ",.0f"), (row["most"], place), **beside)
    if is_less_better:
        axes.set_xscale("log")
        axes.set_xlim(1, reach * 3)
    else:
        axes.set_xlim(0, reach * 1.16)
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=10)
    better = "logarithmic, less is better" if is_less_better else "more is better"
    axes.set_xlabel(f"{unit} ({better})", fontsize=8.5, color=FAINT)
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.tick_params(axis="x", which="both", labelsize=8, colors=FAINT)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: format(value, ",.0f")))
    axes.grid(axis="x", color="#e6e9ec", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LIMIT)


def main() -> None:
    """Draw."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    plt.rcParams["font.family"] = "DejaVu Sans"
    plt.rcParams["svg.hashsalt"] = "ronde"
    figure, axes = plt.subplots(2, 2, figsize=(12.5, 8.2), constrained_layout=True)
    figure.get_layout_engine().set(hspace=0.08)
    for place, panel in zip(axes.flat, given["panels"], strict=True):
        bars(place, panel["title"], panel["rows"], panel["unit"], is_less_better=panel["is_less_better"])
    figure.suptitle(given["title"], x=0.01, ha="left", fontsize=13, fontweight="bold")
    figure.text(0.01, -0.025, given["source"], fontsize=8, color=FAINT)
    for path in given["files"]:
        figure.savefig(path, dpi=150, bbox_inches="tight", metadata={"Date": None} if path.endswith(".svg") else None)


if __name__ == "__main__":
    main()
