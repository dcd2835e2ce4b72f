"""Tables of the record: on the terminal by rich, in docs/performance.md as Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from rich.table import Table

from benchmarks.contenders import BASE, CONTENDERS, PYTHON, SHIPPED
from benchmarks.figures import Spread
from benchmarks.neighbours import QUIET_CORES, taken

Row: TypeAlias = dict[str, Any]
NOTHING: Final = "-"
FORMS: Final = MappingProxyType({SHIPPED: "compiled", PYTHON: "in Python"})
OTHERS: Final = "others' cores"  # used by whom it does not concern, at the most in one of the runs


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
    return SHEETS[scenario](ran(rows))


def ran(rows: Iterable[Row]) -> list[Row]:
    """The rows of runs that did not fail: those have figures."""
    return [row for row in rows if "failure" not in row]


def runs(rows: list[Row]) -> str:
    """How many there are, and count."""
    count = len(counted(rows))
    return str(count) if count == len(rows) else f"{count} of {len(rows)}"


def others(rows: Iterable[Row]) -> str:
    """What others used of the machine in the run that was disturbed most; bold when it was not quiet."""
    most = max((cores for row in rows if (cores := taken(row)) is not None), default=None)
    if most is None:
        return NOTHING
    return f"{most:.2f}" if most < QUIET_CORES else f"**{most:.2f}**"


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
    return NOTHING if found is None else found.text(form)


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


def title_with_part(name: str, rows: list[Row], usual: int) -> str:
    """A contender in words, with how much it was given when that was not ``usual``."""
    alerts = rows[-1]["load"]["alerts"]
    return title(name) if alerts == usual else f"{title(name)} ({alerts:,} alerts)"


def lost(row: Row) -> int:
    """Outputs that are missing."""
    return int(row["verdict"]["decisions_missing"] + row["verdict"]["calls_missing"])


def doubled(row: Row) -> int:
    """Outputs that are there more than once."""
    return int(row["verdict"]["decisions_doubled"] + row["verdict"]["calls_doubled"])


def _drain(rows: list[Row]) -> Sheet:
    made = Sheet(
        "drain", "contender", "alerts/s", f"of {BASE}", "CPU s", "alerts per CPU s", "peak MiB", "missing", "doubled",
        "runs", OTHERS,
    )  # fmt: skip
    groups = by_contender(rows)
    base = median(groups.get(BASE, []), "rate")
    usual = max((row["load"]["alerts"] for row in rows), default=0)
    for name, group in groups.items():
        rate = median(group, "rate")
        made.add(
            title_with_part(name, group, usual),
            spread(counted(group), lambda row: row.get("rate")) if rate else "does not count",
            f"{rate / base:.2f}" if rate and base else NOTHING,
            spread(group, lambda row: row.get("cpu_seconds"), ".1f"),
            spread(group, lambda row: row.get("per_cpu_second")),
            spread(group, lambda row: row["peak_mib"]),
            spread(group, lost),
            spread(group, doubled),
            runs(group),
            others(group),
        )
    return made


def _latency(rows: list[Row]) -> Sheet:
    made = Sheet(
        "latency", "contender", "alerts/s", "p50 ms", "p99 ms", "most ms", "cores", "missing", "doubled", "runs", OTHERS
    )
    rates = sorted({rate for row in rows for rate in row["rates"]}, key=int)
    for rate in rates:
        for name, group in by_contender(row for row in rows if rate in row["rates"]).items():
            figures = [row["rates"][rate] for row in group]
            calls = [row["rates"][rate]["calls"] for row in counted(group)]
            made.add(
                title(name),
                f"{int(rate):,}",
                spread(calls, lambda row: row["p50"]),
                spread(calls, lambda row: row["p99"]),
                spread(calls, lambda row: row["most"]),
                spread(figures, lambda row: row["cores"], ".2f"),
                spread(figures, lambda row: row["missing"]),
                spread(figures, lambda row: row["doubled"]),
                runs(group),
                others(group),
            )
    return made


def _recovery(rows: list[Row]) -> Sheet:
    made = Sheet("recovery", "contender", "missing", "doubled", "incidents broken", "back after s", OTHERS)
    usual = max((row["load"]["alerts"] for row in rows), default=0)
    for name, group in by_contender(rows).items():
        made.add(
            title_with_part(name, group, usual),
            spread(group, lost),
            spread(group, doubled),
            spread(group, lambda row: row["verdict"]["incidents_broken"]),
            spread(group, lambda row: row["back_seconds"], ".1f"),
            others(group),
        )
    return made


def _life(rows: list[Row]) -> Sheet:
    made = Sheet("life", "incidents", "steps", "steps per CPU s", "steps/s", "peak MiB", "as it should be", OTHERS)
    for incidents, group in grouped(rows, lambda row: row["incidents"]).items():
        made.add(
            f"{incidents:,}",
            f"{group[0]['steps']:,}",
            spread(counted(group), lambda row: row["steps_per_cpu_second"]),
            spread(counted(group), lambda row: row["steps_per_second"]),
            spread(group, lambda row: row["peak_mib"]),
            f"{len(counted(group))} of {len(group)}",
            others(group),
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
        "runs",
        OTHERS,
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
            runs(group),
            others(group),
        )
    return made


def _timers(rows: list[Row]) -> Sheet:
    made = Sheet("timers", "what", "how many", "p50 ms", "p99 ms", "most ms", OTHERS)
    texts = {
        "steady": "waits, 100 due a second: lateness",
        "alerts_steady": "alerts meanwhile: to the decision",
        "together": "waits due at one instant: lateness",
        "alerts_meanwhile": "alerts in the 2 s after it: to the decision",
    }
    for name, words in texts.items():
        found = [row[name] for row in counted(rows) if row[name]]
        made.add(
            words,
            spread(found, lambda row: row["values"]),
            spread(found, lambda row: row["p50"]),
            spread(found, lambda row: row["p99"]),
            spread(found, lambda row: row["most"]),
            others(rows),
        )
    return made


def _storm(rows: list[Row]) -> Sheet:
    made = Sheet(
        "storm", "storm", "quiet p50 ms", "quiet p99 ms", "loud site p99 ms", "panels p99 ms", "cores", "missing",
        "runs", OTHERS,
    )  # fmt: skip
    for runaways, group in grouped(rows, lambda row: row["parameters"]["runaways"]).items():
        streams = [row["streams"] for row in counted(group)]
        made.add(
            "with runaways" if runaways else "without",
            spread(streams, lambda row: row["quiet"]["p50"]),
            spread(streams, lambda row: row["quiet"]["p99"]),
            spread(streams, lambda row: row["loud"]["p99"] if "loud" in row else None),
            spread(streams, lambda row: row["panel"]["p99"] if "panel" in row else None),
            spread(group, lambda row: row["cores"], ".2f"),
            spread(group, lambda row: row["missing"]),
            runs(group),
            others(group),
        )
    return made


def _scale(rows: list[Row]) -> Sheet:
    made = Sheet(
        "scale", "workers", "alerts/s", "alerts per CPU s of workers", "cores of workers", "of the broker",
        "workers waited for", "missing", "doubled", "runs", OTHERS,
    )  # fmt: skip
    for name, ours in by_contender(rows).items():
        for workers, group in sorted(grouped(ours, lambda row: row["workers"]).items()):
            measured = counted(group)
            made.add(
                f"{workers}, {FORMS[name]}",
                spread(measured, lambda row: row["rate"]),
                spread(measured, lambda row: row["per_cpu_second"]),
                *(
                    spread(measured, lambda row, used=used: row[used] / row["seconds"], ".2f")  # type: ignore[misc]
                    for used in ("cpu_seconds", "broker_cpu_seconds", "waited_seconds")
                ),
                spread(group, lost),
                spread(group, doubled),
                runs(group),
                others(group),
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
