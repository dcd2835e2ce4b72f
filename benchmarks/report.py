"""Writes the tables of docs/performance.md between their marks, from the record.

``<!-- drain -->`` and ``<!-- /drain -->`` enclose a table; what stands around is a human's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from benchmarks.folders import REPOSITORY
from benchmarks.record import read
from benchmarks.tables import SHEETS, Row, title
from benchmarks.tables import sheet as table
from benchmarks.targets import sheet as targets

DOCUMENT: Final = REPOSITORY / "docs" / "performance.md"


def record_since(since: str) -> dict[str, list[Row]]:
    """All scenarios' rows from then on (ISO 8601, UTC)."""
    return {scenario: read(scenario, since) for scenario in SHEETS}


def write(record: Mapping[str, list[Row]]) -> None:
    """Replace the tables that the record has rows for."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for scenario, rows in record.items():
        if rows:
            text = replaced(text, scenario, f"{table(scenario, rows).markdown()}\n\n{source(rows)}")
    everything = [row for rows in record.values() for row in rows]
    if everything:
        text = replaced(text, "targets", f"{targets(record).markdown()}\n\n{source(everything)}")
    DOCUMENT.write_text(text, encoding="utf-8")


def replaced(text: str, name: str, content: str) -> str:
    """The text with other content between the marks of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{DOCUMENT.name} has no marks {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def source(rows: list[Row]) -> str:
    """When, of which commit and on what the rows were measured, and what failed."""
    commits = " and ".join(sorted({f"`{row['commit']}`" for row in rows}))
    first, last = (edge(row["measured_at"] for row in rows)[:16].replace("T", " ") for edge in (min, max))
    machines = "; ".join(sorted({row["machine"] for row in rows}))
    failures = "".join(
        f" {title(row['contender'])} failed in repetition {row['repetition']}." for row in rows if "failure" in row
    )
    return f"Commit {commits}, {first} to {last} UTC, {machines}.{failures}"
