"""What is wanted of the worker, and whether the record shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from benchmarks.contenders import SHIPPED
from benchmarks.figures import Spread
from benchmarks.tables import NOTHING, Row, Sheet, counted, median

Record: TypeAlias = Mapping[str, list[Row]]  # by scenario
STREAMS: Final = "streams-rocksdb"
PROMPT: Final = "streams-memory-10ms"
MANY: Final = 1_000_000


class Target(NamedTuple):
    """One row: what, how much is wanted, what was found, whether that is it (None: not measured)."""

    what: str
    wanted: str
    found: str
    is_met: bool | None

    @classmethod
    def at_least(cls, what: str, found: float | None, least: float, unit: str, form: str = ",.3f") -> Target:
        """Met when what was found is that or more."""
        wanted = f"at least {least:,g} {unit}"
        return cls(what, wanted, _form(found, form), None if found is None else found >= least)

    @classmethod
    def at_most(cls, what: str, found: float | None, most: float, unit: str, form: str = ",.0f") -> Target:
        """Met when what was found is that or less."""
        wanted = f"at most {format(most, form)} {unit}".rstrip()
        return cls(what, wanted, _form(found, form), None if found is None else found <= most)


def targets(record: Record) -> Iterator[Target]:
    """All of them, in the order of docs/performance.md."""
    drain, latency = record["drain"], record["latency"]
    yield from _drain(drain)
    for rate in ("500", "3000"):
        for figure in ("p50", "p99"):
            ours, theirs = (_latency(latency, name, rate, figure) for name in (SHIPPED, PROMPT))
            what = f"alert to call, {int(rate):,}/s, {figure} ms"
            yield Target(
                what,
                f"at most {_form(theirs, '.0f')} (Kafka Streams, commits every 10 ms)",
                _form(ours, ".0f"),
                None if ours is None or theirs is None else ours <= theirs,
            )
    yield Target.at_least(
        "full life", median(record["life"], "steps_per_cpu_second"), 25_000, "steps a CPU second", ",.0f"
    )
    yield from _crowd(record["crowd"])
    yield from _timers(record["timers"])
    yield _storm(record["storm"])
    yield _second_worker(record["scale"])


def sheet(record: Record) -> Sheet:
    """As a table."""
    made = Sheet("targets", "what", "wanted", "found", "")
    words = {True: "met", False: "**missed**", None: "not measured"}
    for target in targets(record):
        made.add(target.what, target.wanted, target.found, words[target.is_met])
    return made


def _form(figure: float | None, form: str) -> str:
    return NOTHING if figure is None else format(figure, form)


def _quotient(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _of(rows: list[Row], contender: str) -> list[Row]:
    return [row for row in rows if row["contender"] == contender]


def _drain(rows: list[Row]) -> Iterator[Target]:
    def times(figure: str, peer: str) -> float | None:
        return _quotient(median(_of(rows, SHIPPED), figure), median(_of(rows, peer), figure))

    for peer, words, least in (
        (STREAMS, "Kafka Streams (RocksDB)", 1.0),
        ("quix", "Quix Streams", 3.0),
        ("bytewax", "Bytewax", 2.0),
        ("faust", "plain Faust", 15.0),
    ):
        yield Target.at_least(f"drain, 300,000 alerts, against {words}", times("rate", peer), least, "times")
    yield Target.at_least(
        "alerts per CPU second, against Kafka Streams (RocksDB)", times("per_cpu_second", STREAMS), 1.5, "times"
    )


def _latency(rows: list[Row], contender: str, rate: str, figure: str) -> float | None:
    found = [row["rates"][rate]["calls"] for row in _of(rows, contender) if rate in row["rates"]]
    middle = Spread.of([calls[figure] for calls in found if calls])
    return None if middle is None else middle.median


def _crowd(rows: list[Row]) -> Iterator[Target]:
    few = [row for row in rows if row["open_incidents"] == 1_000]
    many = [row for row in rows if row["open_incidents"] == MANY]
    rate = _quotient(median(many, "rate"), median(few, "rate"))
    yield Target.at_least("throughput, 1,000,000 open incidents against 1,000", rate, 0.85, "times")
    memory = median(many, "peak_mib")
    yield Target.at_most(
        "memory of 1,000,000 open incidents and 1,100,000 sites, GiB", _quotient(memory, 1024), 2.5, "", ".2f"
    )
    restore, consume = median(many, "restore_seconds"), median(many, "consume_seconds")
    yield Target.at_most("restore of those, s", restore, 15, "", ".1f")
    yield Target.at_most("the same, against only consuming the bytes", _quotient(restore, consume), 3, "times", ".1f")


def _timers(rows: list[Row]) -> Iterator[Target]:
    def found(name: str, figure: str) -> float | None:
        middle = Spread.of([row[name][figure] for row in counted(rows) if row[name]])
        return None if middle is None else middle.median

    yield Target.at_most(
        "1,000,000 waits armed, 100/s due under 1,000 alerts/s: lateness p99, ms", found("steady", "p99"), 100, ""
    )
    yield Target.at_most("20,000 waits due at once: the last one fired after, ms", found("together", "most"), 2_000, "")
    yield Target.at_most("alerts that arrive meanwhile: p99, ms", found("alerts_meanwhile", "p99"), 1_000, "")


def _storm(rows: list[Row]) -> Target:
    def p99(*, runaways: bool) -> float | None:
        found = [row["streams"]["quiet"]["p99"] for row in counted(rows) if row["parameters"]["runaways"] is runaways]
        middle = Spread.of(found)
        return None if middle is None else middle.median

    with_them, without = p99(runaways=True), p99(runaways=False)
    what = "storm, nothing lost; the quiet sites' p99 against that without runaways"
    return Target.at_most(what, _quotient(with_them, without), 2, "times", ".2f")


def _second_worker(rows: list[Row]) -> Target:
    one, two = ([row for row in rows if row["workers"] == workers] for workers in (1, 2))
    return Target.at_least("second worker", _quotient(median(two, "rate"), median(one, "rate")), 1.6, "times")
