"""``python -m benchmarks``: each scenario a command, each run a line in the record, each record a table."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from benchmarks import drawing, quick, report, targets
from benchmarks.broker import Broker, broker
from benchmarks.contenders import BASE, CONTENDERS, PYTHON, SHIPPED, Contender, Ronde
from benchmarks.crowd import crowd
from benchmarks.drain import Load, drain
from benchmarks.environments import NotMeasured
from benchmarks.latency import latency
from benchmarks.life import life
from benchmarks.logs import Logs
from benchmarks.record import keep, now
from benchmarks.recovery import recovery
from benchmarks.scale import scale
from benchmarks.storm import storm
from benchmarks.tables import Sheet, sheet
from benchmarks.timers import timers

OURS: Final = f"{SHIPPED},{PYTHON}"
DRAINED: Final = f"{OURS},{BASE},streams-rocksdb,streams-memory,quix,bytewax,faust"
TIMED: Final = f"{SHIPPED},{BASE},streams-memory-10ms,quix-100ms,bytewax,faust"
KILLED: Final = f"{SHIPPED},{BASE},streams-rocksdb,bytewax"
WARM_UP: Final = Load(30_000, 10_000)
WARM_RATE: Final = 3_000
WARM_SECONDS: Final = 10
RUN_SECONDS: Final = 300.0
PATIENCE: Final = 40.0
WIDE: Final = 160

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
said = Console(stderr=True, highlight=False, soft_wrap=True)

Names = Annotated[str, typer.Option(help="Who is measured, by name, with commas.")]
Repetitions = Annotated[int, typer.Option(min=1, help="How often, taking turns.")]
First = Annotated[int, typer.Option(help="The number of the first repetition, for the record.")]
Address = Annotated[str | None, typer.Option(help="A broker that runs already, instead of a fresh one.")]
Alerts = Annotated[int, typer.Option(help="How many alerts lie there.")]
Since = Annotated[str, typer.Option(help="Rows measured then or later: 2026-01-31T20:00, UTC.")]
Sites = Annotated[int, typer.Option(help="To how many sites they are dealt.")]


@app.callback()
def benchmarks() -> None:
    """Each scenario is a command; what it measures is added to the record, .ronde/benchmarks/results."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # then too the broker and all else is ended


def chosen(names: str) -> list[Contender]:
    """The contenders that can be measured here; loud about the others."""
    found = []
    for name in names.split(","):
        if name not in CONTENDERS:
            raise typer.BadParameter(f"no contender is named {name}: {', '.join(CONTENDERS)}")
        try:
            CONTENDERS[name].install()
        except NotMeasured as error:
            said.print(f"[bold red]{name} IS NOT MEASURED[/]: {error}")
        else:
            found.append(CONTENDERS[name])
    return found


def shipped() -> Ronde:
    """Ours, compiled; in Python where that cannot be."""
    (ours,) = chosen(SHIPPED) or chosen(PYTHON)
    assert isinstance(ours, Ronde)
    return ours


@contextmanager
def warm_broker(address: str | None, *, is_timed: bool = False) -> Iterator[Broker]:
    """A broker that has worked already, if ``is_timed`` at a steady rate too: a fresh JVM is slow."""
    with broker(address) as node:
        if address is None:
            drain(Logs(node.address), CONTENDERS[BASE], WARM_UP, PATIENCE, RUN_SECONDS)
            if is_timed:
                latency(Logs(node.address), CONTENDERS[BASE], [WARM_RATE], WARM_SECONDS)
        yield node


def in_turn(contenders: list[Contender], repetition: int) -> list[Contender]:
    """Each repetition begins with another one, as the broker goes on getting warmer."""
    first = (repetition - 1) % max(len(contenders), 1)
    return [*contenders[first:], *contenders[:first]]


def noted(scenario: str, contender: str, repetition: int, parameters: dict[str, Any], found: Any) -> dict[str, Any]:
    """Keep a run's figures, and say that it is done."""
    row = keep(scenario, contender, repetition, parameters, found)
    said.print(f"{scenario} {repetition} {contender}: {'counts' if row['counts'] else '[bold red]does not count[/]'}")
    return row


def show(table: Sheet) -> None:
    """On the terminal, or as wide as it needs to be."""
    console = Console()
    (console if console.is_terminal else Console(width=WIDE)).print(table)


def measure_drain(
    contenders: list[Contender], load: Load, repetitions: range, bootstrap: str | None
) -> list[dict[str, Any]]:
    """All contenders take turns; the rows."""
    rows = []
    with warm_broker(bootstrap) as node:
        for repetition in repetitions:
            for contender in in_turn(contenders, repetition):
                broker_cpu = node.cpu_seconds()
                found = drain(Logs(node.address), contender, load, PATIENCE, RUN_SECONDS)
                found["broker_cpu_seconds"] = node.cpu_seconds() - broker_cpu
                rows.append(noted("drain", contender.name, repetition, load._asdict(), found))
    return rows


@app.command("drain")
def drain_command(
    contenders: Names = DRAINED,
    reps: Repetitions = 3,
    alerts: Alerts = 300_000,
    sites: Sites = 100_000,
    bootstrap: Address = None,
    first_rep: First = 1,
) -> None:
    """Clear a backlog of alerts, all contenders taking turns."""
    repetitions = range(first_rep, first_rep + reps)
    show(sheet("drain", measure_drain(chosen(contenders), Load(alerts, sites), repetitions, bootstrap)))


@app.command("latency")
def latency_command(
    contenders: Names = TIMED,
    reps: Repetitions = 1,
    rates: Annotated[str, typer.Option(help="Alerts a second, with commas.")] = "500,3000",
    seconds: int = 20,
    bootstrap: Address = None,
    first_rep: First = 1,
) -> None:
    """Time the way from an alert to its call command, at steady rates."""
    measured, rows = chosen(contenders), []
    given = {"rates": [int(rate) for rate in rates.split(",")], "seconds": seconds}
    with warm_broker(bootstrap, is_timed=True) as node:
        for repetition in range(first_rep, first_rep + reps):
            for contender in in_turn(measured, repetition):
                found = latency(Logs(node.address), contender, given["rates"], seconds)  # type: ignore[arg-type]
                rows.append(noted("latency", contender.name, repetition, given, found))
    show(sheet("latency", rows))


@app.command("recovery")
def recovery_command(
    contenders: Names = KILLED,
    alerts: Alerts = 300_000,
    sites: Sites = 100_000,
    bootstrap: Address = None,
    patience: Annotated[float, typer.Option(help="Seconds without progress after which it is over.")] = 60.0,
) -> None:
    """Kill each contender in the middle of a backlog, and start it again."""
    measured, load, rows = chosen(contenders), Load(alerts, sites), []
    with warm_broker(bootstrap) as node:
        for contender in measured:
            found = recovery(Logs(node.address), contender, load, 1 / 3, patience)
            rows.append(noted("recovery", contender.name, 1, load._asdict(), found))
    show(sheet("recovery", rows))


@app.command("life")
def life_command(incidents: int = 20_000, reps: Repetitions = 1, bootstrap: Address = None) -> None:
    """Take incidents through their full life."""
    worker, rows = shipped(), []
    with warm_broker(bootstrap) as node:
        for repetition in range(1, reps + 1):
            found = life(Logs(node.address), worker, incidents)
            rows.append(noted("life", worker.name, repetition, {"incidents": incidents}, found))
    show(sheet("life", rows))


@app.command("crowd")
def crowd_command(
    incidents: Annotated[str, typer.Option(help="Open incidents, with commas.")] = "1000,1000000",
    alerts: Alerts = 300_000,
    sites: Sites = 100_000,
    bootstrap: Address = None,
) -> None:
    """Clear a backlog among few and among many open incidents: throughput, memory, restore."""
    worker, load, rows = shipped(), Load(alerts, sites), []
    with warm_broker(bootstrap) as node:
        for count in map(int, incidents.split(",")):
            found = crowd(Logs(node.address), worker, count, load, PATIENCE, RUN_SECONDS)
            rows.append(noted("crowd", worker.name, 1, {"open_incidents": count, **load._asdict()}, found))
    show(sheet("crowd", rows))


@app.command("timers")
def timers_command(
    armed: int = 1_000_000,
    restore: Annotated[float, typer.Option(help="Seconds in which the worker must be ready.")] = 45.0,
    bootstrap: Address = None,
) -> None:
    """Let waits become due, a few a second and many at once, among a million armed."""
    worker = shipped()
    with warm_broker(bootstrap, is_timed=True) as node:
        found = timers(Logs(node.address), worker, armed, restore)
    show(sheet("timers", [noted("timers", worker.name, 1, {"armed": armed}, found)]))


@app.command("storm")
def storm_command(seconds: int = 60, reps: Repetitions = 1, bootstrap: Address = None) -> None:
    """Storm, without panels that have run away and with them."""
    worker, rows = shipped(), []
    with warm_broker(bootstrap, is_timed=True) as node:
        for repetition in range(1, reps + 1):
            for runaways in (False, True):
                found = storm(Logs(node.address), worker, seconds, runaways=runaways)
                rows.append(noted("storm", worker.name, repetition, {"seconds": seconds, "runaways": runaways}, found))
    show(sheet("storm", rows))


@app.command("scale")
def scale_command(
    alerts: Alerts = 300_000, sites: Sites = 100_000, reps: Repetitions = 3, bootstrap: Address = None
) -> None:
    """Clear a backlog with one worker and with two."""
    worker, load, rows = shipped(), Load(alerts, sites), []
    with warm_broker(bootstrap) as node:
        for repetition in range(1, reps + 1):
            for workers in (1, 2):
                found = scale(Logs(node.address), node, worker, workers, load, PATIENCE, RUN_SECONDS)
                rows.append(noted("scale", worker.name, repetition, {"workers": workers, **load._asdict()}, found))
    show(sheet("scale", rows))


@app.command("quick")
def quick_command(
    reps: Repetitions = 3,
    commit: Annotated[bool, typer.Option("--commit", help="Make this the ratio to compare with.")] = False,
    bootstrap: Address = None,
) -> None:
    """Tell whether the worker has become slower than the plain loop, in less than three minutes."""
    rows = measure_drain(chosen(f"{OURS},{BASE}"), quick.LOAD, range(1, reps + 1), bootstrap)
    ratios = {name: ratio for name in OURS.split(",") if (ratio := quick.Ratio.of(rows, name))}
    for name, ratio in ratios.items():
        Console(soft_wrap=True, highlight=False).print(quick.compare(name, ratio))
    if not ratios:
        said.print("no repetition counts: outputs are missing or doubled, see .ronde/benchmarks/results/drain.jsonl")
        raise typer.Exit(1)
    if commit:
        quick.commit(ratios)


@app.command("all")
def all_command(
    contenders: Annotated[str, typer.Option(help="Who is measured beside ronde, by name, with commas.")] = "",
    reps: Repetitions = 3,
) -> None:
    """Measure everything, and print all tables."""
    since = now()
    drain_command(contenders or DRAINED, reps)
    latency_command(contenders or TIMED, reps)
    recovery_command(contenders or KILLED)
    life_command(reps=reps)
    crowd_command()
    timers_command()
    storm_command()
    scale_command(reps=reps)
    tables_command(since)


@app.command("tables")
def tables_command(since: Since = "") -> None:
    """Print all tables of the record, and which targets are met."""
    record = report.record_since(since)
    for scenario, rows in record.items():
        if rows:
            show(sheet(scenario, rows))
    show(targets.sheet(record))


@app.command("report")
def report_command(since: Since = "") -> None:
    """Write the tables and the plot of docs/performance.md from the record."""
    record = report.record_since(since)
    report.write(record)
    drawing.draw(record)


if __name__ == "__main__":
    app()
