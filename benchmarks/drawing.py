"""The plot of docs/performance.md, from the record."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.contenders import CONTENDERS, Ronde
from benchmarks.environments import python_of
from benchmarks.figures import Spread
from benchmarks.folders import REPOSITORY
from benchmarks.report import source
from benchmarks.tables import Row, by_contender, counted

FILES: Final = tuple(str(REPOSITORY / "docs" / f"performance.{kind}") for kind in ("png", "svg"))
PROGRAM: Final = Path(__file__).resolve().parent / "plot.py"


def draw(record: Mapping[str, list[Row]]) -> None:
    """Write both files."""
    drain, latency = counted(record["drain"]), counted(record["latency"])
    panels = [
        _panel("A backlog of 300,000 alerts", "alerts a second", drain, lambda row: row["rate"]),
        _panel("The same, per CPU second", "alerts a CPU second", drain, lambda row: row["per_cpu_second"]),
        *(
            _panel(
                f"Alert to call command at {rate:,}/s, p99", "ms", latency,
                lambda row, rate=rate: row["rates"][str(rate)]["calls"]["p99"], is_less_better=True,  # type: ignore[misc]
            )
            for rate in (500, 3000)
        ),
    ]  # fmt: skip
    data = {
        "title": "ronde's whole worker beside the bare kernel of its peers: median and range",
        "source": source([*drain, *latency]).replace("`", ""),
        "panels": panels,
        "files": FILES,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plot.json"
        path.write_text(json.dumps(data), encoding="utf-8")
        subprocess.run([python_of("plot"), str(PROGRAM), str(path)], check=True)  # noqa: S603 - our own command line


def _panel(
    title: str, unit: str, rows: list[Row], figure: Callable[[Row], float], *, is_less_better: bool = False
) -> dict[str, Any]:
    made = []
    for name, group in by_contender(rows).items():
        spread = Spread.of([figure(row) for row in group])
        assert spread is not None
        contender = CONTENDERS[name]
        made.append({"name": contender.title, "ours": isinstance(contender, Ronde), **spread._asdict()})
    return {"title": title, "unit": unit, "rows": made, "is_less_better": is_less_better}
