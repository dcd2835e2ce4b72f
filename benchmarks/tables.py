"""Tables of the record: on the terminal by rich, in docs/performance.md as Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from rich.table import Table

from benchmarks.contenders import BASE, CONTENDERS
from benchmarks.figures import Spread

Row: TypeAlias = dict[str, Any]


class Sheet:
    """A heading and lines of text."""

    def __init__(self, title: str, heads: Sequence[str]) -> None:
        self.title = title
        self.heads = tuple(heads)
        self.lines: list[tuple[str, ...]] = []

    def add(self, *cells: str) -> None:
        """One more line."""
        assert len(cells) == len(self.heads)
        self.lines.append(cells)

    def markdown(self) -> str:
        """As docs/performance.md has it."""
        rule = " | ".join(["---"] + ["---:"] * (len(self.heads) - 1))
        lines = [f"| {' | '.join(cells)} |" for cells in (self.heads, *self.lines)]
        return "\n".join([lines[0], f"| {rule} |", *lines[1:]])

    def __rich__(self) -> Table:
        """As the terminal has it."""
        table = Table(title=self.title, title_justify="left")
        for place, head in enumerate(self.heads):
            table.add_column(head, justify="right" if place else "left")
        for cells in self.lines:
            table.add_row(*cells)
        return table


def by_contender(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each, in the order of `CONTENDERS`, then of their first row."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["contender"]].append(row)
    order = {name: place for place, name in enumerate(CONTENDERS)}
    return dict(sorted(found.items(), key=lambda pair: order.get(pair[0], len(order))))


def spread(rows: Iterable[Row], value: Callable[[Row], float | None], form: str = ",.0f") -> str:
    """The median of a figure, and its range where there are several."""
    found = Spread.of([figure for row in rows if (figure := value(row)) is not None])
    if found is None:
        return "-"
    middle = format(found.median, form)
    return middle if found.least == found.most else f"{middle} ({found.least:{form}} to {found.most:{form}})"


def median(rows: Iterable[Row], name: str) -> float | None:
    """The median of the rows that count."""
    found = Spread.of([row[name] for row in rows if row.get("counts") and name in row])
    return None if found is None else found.median


def drain_table(rows: Iterable[Row]) -> Sheet:
    """Rates, CPU, memory and the verdict of each contender."""
    sheet = Sheet(
        "drain",
        ["contender", "alerts/s", f"times {BASE}", "CPU s", "alerts per CPU s", "peak MiB", "missing", "doubled"],
    )
    groups = by_contender(rows)
    base = median(groups.get(BASE, []), "rate")
    for name, group in groups.items():
        rate = median(group, "rate")
        load = group[-1]["load"]
        scaled = CONTENDERS[name].share < 1 if name in CONTENDERS else False
        sheet.add(
            f"{title(name)} ({load['alerts']:,} alerts)" if scaled else title(name),
            spread([row for row in group if row["counts"]], lambda row: row.get("rate")) if rate else "does not count",
            f"{rate / base:.2f}" if rate and base else "-",
            spread(group, lambda row: row.get("cpu_seconds"), ".1f"),
            spread(group, lambda row: row.get("per_cpu_second")),
            spread(group, lambda row: row["peak_mib"]),
            spread(group, lambda row: row["verdict"]["decisions_missing"] + row["verdict"]["calls_missing"]),
            spread(group, lambda row: row["verdict"]["decisions_doubled"] + row["verdict"]["calls_doubled"]),
        )
    return sheet


def title(name: str) -> str:
    """A contender in words."""
    return CONTENDERS[name].title if name in CONTENDERS else name
