"""What is wanted of the worker, and whether the record shows it.

Each is decided by the medians of the repetitions; whether every single repetition says the same stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from benchmarks.contenders import SHIPPED
from benchmarks.figures import Spread
from benchmarks.tables import NOTHING, Row, Sheet, counted, ran, title

Record: TypeAlias = Mapping[str, list[Row]]  # by scenario
Figures: TypeAlias = dict[int, float]  # by repetition
STREAMS: Final = "streams-rocksdb"
PROMPT: Final = "streams-memory-10ms"
MANY: Final = 1_000_000
GIB: Final = 1024  # MiB


class Target(NamedTuple):
    """One row: what, how much is wanted, what was found, and a verdict."""

    what: str
    wanted: str
    found: str
    is_met: bool | None  # None: not measured
    is_always: bool = True  # every repetition says so too

    @classmethod
    def at_least(cls, what: str, found: Spread | None, least: float, unit: str, form: str = ",.2f") -> Target:
        """Met when what was found is that or more."""
        wanted = f"at least {least:,g} {unit}"
        if found is None:
            return cls(what, wanted, NOTHING, None)
        return cls(what, wanted, found.text(form), *_verdict(found, lambda figure: figure >= least))

    @classmethod
    def at_most(cls, what: str, found: Spread | None, most: float, unit: str, form: str = ",.0f") -> Target:
        """Met when what was found is that or less."""
        wanted = f"at most {format(most, form)} {unit}".rstrip()
        if found is None:
            return cls(what, wanted, NOTHING, None)
        return cls(what, wanted, found.text(form), *_verdict(found, lambda figure: figure <= most))

    @property
    def verdict(self) -> str:
        """In words."""
        if self.is_met is None:
            return "not measured"
        return ("met" if self.is_met else "**missed**") + ("" if self.is_always else " by the median")


def targets(record: Record) -> Iterator[Target]:
    """All of them, in the order of docs/performance.md."""
    found = {scenario: ran(rows) for scenario, rows in record.items()}
    yield from _drain(found["drain"])
    yield from _latency(found["latency"])
    steps = _by_repetition(found["life"], lambda row: row["steps_per_cpu_second"])
    yield Target.at_least("full life", _spread(steps), 25_000, "steps a CPU second", ",.0f")
    yield from _crowd(found["crowd"])
    yield from _timers(found["timers"])
    yield _storm(found["storm"])
    yield _second_worker(found["scale"])


def sheet(record: Record) -> Sheet:
    """As a table."""
    made = Sheet("targets", "what", "wanted", "found", "")
    for target in targets(record):
        made.add(target.what, target.wanted, target.found, target.verdict)
    return made


def _verdict(found: Spread, is_enough: Callable[[float], bool]) -> tuple[bool, bool]:
    is_met = is_enough(found.median)
    return is_met, is_enough(found.least) is is_enough(found.most) is is_met


def _by_repetition(rows: list[Row], value: Callable[[Row], float | None]) -> Figures:
    """Of the rows that count and have it."""
    return {row["repetition"]: figure for row in counted(rows) if (figure := value(row)) is not None}


def _spread(figures: Figures) -> Spread | None:
    return Spread.of(list(figures.values()))


def _of(rows: list[Row], contender: str) -> list[Row]:
    return [row for row in rows if row["contender"] == contender]


def _drain(rows: list[Row]) -> Iterator[Target]:
    def times(figure: str, peer: str) -> Spread | None:
        ours, theirs = (_by_repetition(_of(rows, name), lambda row: row.get(figure)) for name in (SHIPPED, peer))
        return Spread.quotient(ours, theirs)

    for peer, least in ((STREAMS, 1.0), ("quix", 3.0), ("bytewax", 2.0), ("faust", 15.0)):
        yield Target.at_least(f"drain, 300,000 alerts, against {title(peer)}", times("rate", peer), least, "times")
    what = f"alerts per CPU second, against {title(STREAMS)}"
    yield Target.at_least(what, times("per_cpu_second", STREAMS), 1.5, "times")


def _latency(rows: list[Row]) -> Iterator[Target]:
    for rate in ("500", "3000"):
        for figure in ("p50", "p99"):

            def value(row: Row, rate: str = rate, figure: str = figure) -> float | None:
                return row["rates"][rate]["calls"][figure] if rate in row["rates"] else None

            ours, theirs = (_by_repetition(_of(rows, name), value) for name in (SHIPPED, PROMPT))
            what = f"alert to call, {int(rate):,}/s, {figure} ms, against {title(PROMPT)}"
            times, mine, limit = Spread.quotient(ours, theirs), _spread(ours), _spread(theirs)
            if times is None or mine is None or limit is None:
                yield Target(what, "at most as much", NOTHING, None)
            else:
                verdict = _verdict(times, lambda ratio: ratio <= 1)
                found = f"{mine.median:.0f}, which is {times.text('.2f')} times"
                yield Target(what, f"at most {limit.median:.0f}", found, *verdict)


def _crowd(rows: list[Row]) -> Iterator[Target]:
    few = [row for row in rows if row["open_incidents"] == 1_000]
    many = [row for row in rows if row["open_incidents"] == MANY]
    rates = [_by_repetition(group, lambda row: row.get("rate")) for group in (many, few)]
    yield Target.at_least("throughput, 1,000,000 open incidents against 1,000", Spread.quotient(*rates), 0.85, "times")
    memory = _by_repetition(many, lambda row: row["peak_mib"] / GIB)
    what = "memory of 1,000,000 open incidents and 1,100,000 sites, GiB"
    yield Target.at_most(what, _spread(memory), 2.5, "", ".2f")
    restore, consume = (
        _by_repetition(many, lambda row, name=name: row[name])  # type: ignore[misc]
        for name in ("restore_seconds", "consume_seconds")
    )
    yield Target.at_most("restore of those, s", _spread(restore), 15, "", ".1f")
    what = "the same, against only consuming the bytes"
    yield Target.at_most(what, Spread.quotient(restore, consume), 3, "times", ".1f")


def _timers(rows: list[Row]) -> Iterator[Target]:
    def found(name: str, figure: str) -> Spread | None:
        return _spread(_by_repetition(rows, lambda row: row[name][figure] if row[name] else None))

    what = "1,000,000 waits armed, 100/s due under 1,000 alerts/s: lateness p99, ms"
    yield Target.at_most(what, found("steady", "p99"), 100, "")
    yield Target.at_most("20,000 waits due at once: the last one fired after, ms", found("together", "most"), 2_000, "")
    yield Target.at_most("alerts that arrive meanwhile: p99, ms", found("alerts_meanwhile", "p99"), 1_000, "")


def _storm(rows: list[Row]) -> Target:
    with_them, without = (
        _by_repetition(
            [row for row in rows if row["parameters"]["runaways"] is runaways],
            lambda row: row["streams"]["quiet"]["p99"],
        )
        for runaways in (True, False)
    )
    what = "storm, nothing lost; the quiet sites' p99 against that without runaways"
    return Target.at_most(what, Spread.quotient(with_them, without), 2, "times", ".2f")


def _second_worker(rows: list[Row]) -> Target:
    two, one = (
        _by_repetition([row for row in _of(rows, SHIPPED) if row["workers"] == workers], lambda row: row["rate"])
        for workers in (2, 1)
    )
    return Target.at_least("second worker", Spread.quotient(two, one), 1.6, "times")
