"""Tables of the record: on the terminal by rich, in docs/performance.md as Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from rich.table import Table

from benchmarks.contenders import BASE, CONTENDERS
from benchmarks.figures import Spread

Row: TypeAlias = dict[str, Any]
NOTHING: Final = "-"


class Sheet:
    """A heading and lines of text."""

    def __init__(self, title: str, *heads: str) -> None:
        self.title = title
        self.heads = heads
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


def sheet(scenario: str, rows: Iterable[Row]) -> Sheet:
    """The table of a scenario."""
    return SHEETS[scenario](list(rows))


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows of the same key together, in the order of their first."""
    found: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)


def by_contender(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each, in the order of `CONTENDERS`."""
    order = {name: place for place, name in enumerate(CONTENDERS)}
    found = grouped(rows, lambda row: row["contender"])
    return dict(sorted(found.items(), key=lambda pair: order.get(pair[0], len(order))))


def spread(rows: Iterable[Row], value: Callable[[Row], float | None], form: str = ",.0f") -> str:
    """The median of a figure, and its range where there are several."""
    found = Spread.of([figure for row in rows if (figure := value(row)) is not None])
    if found is None:
        return NOTHING
    middle, least, most = (format(figure, form) for figure in found)
    return middle if least == most else f"{middle} ({least} to {most})"


def median(rows: Iterable[Row], name: str) -> float | None:
    """The median of a figure, of the rows that count."""
    found = Spread.of([row[name] for row in rows if row["counts"] and name in row])
    return None if found is None else found.median


def counted(rows: Iterable[Row]) -> list[Row]:
    """The rows that count."""
    return [row for row in rows if row["counts"]]


def title(name: str) -> str:
    """A contender in words."""
    return CONTENDERS[name].title if name in CONTENDERS else name


def lost(row: Row) -> int:
    """Outputs that are missing."""
    return int(row["verdict"]["decisions_missing"] + row["verdict"]["calls_missing"])


def doubled(row: Row) -> int:
    """Outputs that are there more than once."""
    return int(row["verdict"]["decisions_doubled"] + row["verdict"]["calls_doubled"])


def _drain(rows: list[Row]) -> Sheet:
    made = Sheet(
        "drain", "contender", "alerts/s", f"of {BASE}", "CPU s", "alerts per CPU s", "peak MiB", "missing", "doubled"
    )
    groups = by_contender(rows)
    base = median(groups.get(BASE, []), "rate")
    for name, group in groups.items():
        rate, usual = median(group, "rate"), max(row["load"]["alerts"] for row in rows)
        part = group[-1]["load"]["alerts"]
        made.add(
            title(name) if part == usual else f"{title(name)} ({part:,} alerts)",
            spread(counted(group), lambda row: row.get("rate")) if rate else "does not count",
            f"{rate / base:.2f}" if rate and base else NOTHING,
            spread(group, lambda row: row.get("cpu_seconds"), ".1f"),
            spread(group, lambda row: row.get("per_cpu_second")),
            spread(group, lambda row: row["peak_mib"]),
            spread(group, lost),
            spread(group, doubled),
        )
    return made


def _latency(rows: list[Row]) -> Sheet:
    made = Sheet("latency", "contender", "alerts/s", "p50 ms", "p99 ms", "most ms", "cores", "missing", "doubled")
    rates = sorted({rate for row in rows for rate in row["rates"]}, key=int)
    for rate in rates:
        for name, group in by_contender(row for row in rows if rate in row["rates"]).items():
            figures = [row["rates"][rate] for row in group]
            calls = [figure["calls"] for figure in figures if figure["calls"]]
            made.add(
                title(name),
                f"{int(rate):,}",
                spread(calls, lambda row: row["p50"]),
                spread(calls, lambda row: row["p99"]),
                spread(calls, lambda row: row["most"]),
                spread(figures, lambda row: row["cores"], ".2f"),
                spread(figures, lambda row: row["missing"]),
                spread(figures, lambda row: row["doubled"]),
            )
    return made


def _recovery(rows: list[Row]) -> Sheet:
    made = Sheet("recovery", "contender", "missing", "doubled", "incidents broken", "back after s")
    for name, group in by_contender(rows).items():
        made.add(
            title(name),
            spread(group, lost),
            spread(group, doubled),
            spread(group, lambda row: row["verdict"]["incidents_broken"]),
            spread(group, lambda row: row["back_seconds"], ".1f"),
        )
    return made


def _life(rows: list[Row]) -> Sheet:
    made = Sheet("life", "incidents", "steps", "steps per CPU s", "steps/s", "peak MiB", "all as it should be")
    for incidents, group in grouped(rows, lambda row: row["incidents"]).items():
        made.add(
            f"{incidents:,}",
            f"{group[0]['steps']:,}",
            spread(group, lambda row: row["steps_per_cpu_second"]),
            spread(group, lambda row: row["steps_per_second"]),
            spread(group, lambda row: row["peak_mib"]),
            f"{len(counted(group))} of {len(group)}",
        )
    return made


def _crowd(rows: list[Row]) -> Sheet:
    made = Sheet(
        "crowd",
        "open incidents",
        "sites",
        "alerts/s",
        "peak MiB",
        "restored MiB",
        "restore s",
        "only consumed s",
        "ready s",
    )
    for count, group in grouped(rows, lambda row: row["open_incidents"]).items():
        made.add(
            f"{count:,}",
            f"{group[0]['sites']:,}",
            spread(counted(group), lambda row: row.get("rate")),
            spread(group, lambda row: row["peak_mib"]),
            spread(group, lambda row: row["restored_mib"]),
            spread(group, lambda row: row["restore_seconds"], ".1f"),
            spread(group, lambda row: row["consume_seconds"], ".1f"),
            spread(group, lambda row: row["ready_seconds"], ".1f"),
        )
    return made


def _timers(rows: list[Row]) -> Sheet:
    made = Sheet("timers", "what", "how many", "p50 ms", "p99 ms", "most ms")
    told = {
        "steady": "waits, 100 due a second: lateness",
        "alerts_steady": "alerts meanwhile: to the decision",
        "together": "waits due at one instant: lateness",
        "alerts_meanwhile": "alerts in the 2 s after it: to the decision",
    }
    for name, words in told.items():
        found = [row[name] for row in rows if row[name]]
        made.add(
            words,
            spread(found, lambda row: row["values"]),
            spread(found, lambda row: row["p50"]),
            spread(found, lambda row: row["p99"]),
            spread(found, lambda row: row["most"]),
        )
    return made


def _storm(rows: list[Row]) -> Sheet:
    made = Sheet(
        "storm", "storm", "quiet p50 ms", "quiet p99 ms", "loud site p99 ms", "panels p99 ms", "cores", "missing"
    )
    for runaways, group in grouped(rows, lambda row: row["parameters"]["runaways"]).items():
        streams = [row["streams"] for row in group]
        made.add(
            "with runaways" if runaways else "without",
            spread(streams, lambda row: row["quiet"]["p50"]),
            spread(streams, lambda row: row["quiet"]["p99"]),
            spread(streams, lambda row: row["loud"]["p99"] if "loud" in row else None),
            spread(streams, lambda row: row["panel"]["p99"] if "panel" in row else None),
            spread(group, lambda row: row["cores"], ".2f"),
            spread(group, lambda row: row["missing"]),
        )
    return made


def _scale(rows: list[Row]) -> Sheet:
    made = Sheet("scale", "workers", "alerts/s", "cores of workers", "cores of the broker", "missing", "doubled")
    for workers, group in grouped(rows, lambda row: row["workers"]).items():
        made.add(
            str(workers),
            spread(counted(group), lambda row: row.get("rate")),
            spread(counted(group), lambda row: sum(row["cpu_seconds"]) / row["seconds"], ".2f"),
            spread(counted(group), lambda row: row["broker_cpu_seconds"] / row["seconds"], ".2f"),
            spread(group, lost),
            spread(group, doubled),
        )
    return made


SHEETS: Final[Mapping[str, Callable[[list[Row]], Sheet]]] = MappingProxyType(
    {
        "drain": _drain,
        "latency": _latency,
        "recovery": _recovery,
        "life": _life,
        "crowd": _crowd,
        "timers": _timers,
        "storm": _storm,
        "scale": _scale,
    }
)
