"""``python -m benchmarks``: each scenario a command, each run a line in the record, each record a table."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from benchmarks import drawing, quick, report, targets
from benchmarks.broker import Broker
from benchmarks.contenders import BASE, CONTENDERS, PYTHON, SHIPPED, Contender, Ronde
from benchmarks.crowd import crowd
from benchmarks.drain import Load, drain
from benchmarks.environments import NotMeasured
from benchmarks.latency import latency
from benchmarks.life import life
from benchmarks.logs import Logs
from benchmarks.measuring import PATIENCE, RUN_SECONDS, again, in_turn, measured, said, warm_broker
from benchmarks.record import now
from benchmarks.recovery import recovery
from benchmarks.scale import scale
from benchmarks.storm import storm
from benchmarks.tables import Row, Sheet, sheet
from benchmarks.timers import timers

OURS: Final = f"{SHIPPED},{PYTHON}"
DRAINED: Final = f"{OURS},{BASE},streams-rocksdb,streams-memory,quix,bytewax,faust"
TIMED_ONCE: Final = "quix-100ms,bytewax,faust"  # nothing is wanted against them here: they warm the broker up further
TIMED: Final = f"{TIMED_ONCE},{SHIPPED},{BASE},streams-memory-10ms"
KILLED: Final = f"{SHIPPED},{BASE},streams-rocksdb,streams-memory,quix,bytewax,faust"
ONCE_MORE: Final = 12  # disturbed runs in all; a machine that is never left alone would never be done
WIDE: Final = 160

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Names = Annotated[str, typer.Option(help="Who is measured, by name, with commas.")]
Repetitions = Annotated[int, typer.Option(min=1, help="How often, taking turns.")]
First = Annotated[int, typer.Option(help="The number of the first repetition, for the record.")]
Address = Annotated[str | None, typer.Option(help="A broker that runs already, instead of a fresh one.")]
Alerts = Annotated[int, typer.Option(help="The number of alerts in the backlog.")]
Since = Annotated[str, typer.Option(help="Rows measured then or later: 2026-01-31T20:00, UTC.")]
Sites = Annotated[int, typer.Option(help="To how many sites they are dealt.")]


@app.callback()
def benchmarks() -> None:
    """Each scenario is a command; what it measures is added to the record, .ronde/benchmarks/results."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # then too the broker and all else is ended


def chosen(names: str) -> list[Contender]:
    """Return the contenders that can be measured here; warn about the others."""
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
    """Return ronde compiled; in Python where it cannot be compiled."""
    (ours,) = chosen(SHIPPED) or chosen(PYTHON)
    assert isinstance(ours, Ronde)
    return ours


def show(table: Sheet) -> None:
    """Print a table: on the terminal, or as wide as it needs to be."""
    console = Console()
    (console if console.is_terminal else Console(width=WIDE)).print(table)


def measure_drain(contenders: list[Contender], load: Load, repetitions: range, bootstrap: str | None) -> list[Row]:
    """Measure all contenders in turn; return the rows."""

    def once(node: Broker, contender: Contender) -> dict[str, Any]:
        broker_cpu = node.cpu_seconds()
        found = drain(Logs(node.address), contender, load, PATIENCE, RUN_SECONDS)
        return {**found, "broker_cpu_seconds": node.cpu_seconds() - broker_cpu}

    with warm_broker(bootstrap) as node:
        return [
            measured("drain", each.name, number, load._asdict(), node, partial(once, node, each))
            for number in repetitions
            for each in in_turn(contenders, number)
        ]


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
    once: Annotated[str, typer.Option(help="Those of them measured in the first repetition only.")] = TIMED_ONCE,
    reps: Repetitions = 3,
    rates: Annotated[str, typer.Option(help="Alerts a second, with commas.")] = "500,3000",
    seconds: int = 20,
    bootstrap: Address = None,
    first_rep: First = 1,
) -> None:
    """Measure the time from an alert to its call command, at steady rates."""
    everybody, rows = chosen(contenders), []
    later = [each for each in everybody if each.name not in once.split(",")]
    paces = [int(rate) for rate in rates.split(",")]
    given = {"rates": paces, "seconds": seconds}
    with warm_broker(bootstrap, is_timed=True) as node:
        for number in range(first_rep, first_rep + reps):
            for each in in_turn(everybody if number == 1 else later, number):
                run = partial(latency, Logs(node.address), each, paces, seconds)
                rows.append(measured("latency", each.name, number, given, node, run))
    show(sheet("latency", rows))


@app.command("recovery")
def recovery_command(
    contenders: Names = KILLED,
    alerts: Alerts = 300_000,
    sites: Sites = 100_000,
    bootstrap: Address = None,
    patience: Annotated[float, typer.Option(help="Seconds without progress after which it is over.")] = 100.0,
) -> None:
    """Kill each contender in the middle of a backlog, and start it again."""
    everybody, load, rows = chosen(contenders), Load(alerts, sites), []
    with warm_broker(bootstrap) as node:
        for each in everybody:
            run = partial(recovery, Logs(node.address), each, load, 1 / 3, patience)
            rows.append(measured("recovery", each.name, 1, load._asdict(), node, run))
    show(sheet("recovery", rows))


@app.command("scale")
def scale_command(
    contenders: Names = OURS,
    reps: Repetitions = 3,
    alerts: Alerts = 300_000,
    sites: Sites = 100_000,
    bootstrap: Address = None,
) -> None:
    """Clear a backlog with one worker and with two."""
    ours, load, rows = [each for each in chosen(contenders) if isinstance(each, Ronde)], Load(alerts, sites), []
    with warm_broker(bootstrap) as node:
        for number in range(1, reps + 1):
            for each in ours:
                for workers in in_turn((1, 2), number):
                    given = {"workers": workers, **load._asdict()}
                    run = partial(scale, Logs(node.address), node, each, workers, load, PATIENCE, RUN_SECONDS)
                    rows.append(measured("scale", each.name, number, given, node, run))
    show(sheet("scale", rows))


@app.command("storm")
def storm_command(seconds: int = 60, reps: Repetitions = 3, bootstrap: Address = None) -> None:
    """Measure a storm without and with runaway panels, one right after the other."""
    worker, rows = shipped(), []
    with warm_broker(bootstrap, is_timed=True) as node:
        for number in range(1, reps + 1):
            for runaways in in_turn((False, True), number):
                given = {"seconds": seconds, "runaways": runaways}
                run = partial(storm, Logs(node.address), worker, seconds, runaways=runaways)
                rows.append(measured("storm", worker.name, number, given, node, run))
    show(sheet("storm", rows))


@app.command("life")
def life_command(incidents: int = 20_000, reps: Repetitions = 3, bootstrap: Address = None) -> None:
    """Take incidents through their full life."""
    worker, given = shipped(), {"incidents": incidents}
    with warm_broker(bootstrap) as node:
        run = partial(life, Logs(node.address), worker, incidents)
        rows = [measured("life", worker.name, number, given, node, run) for number in range(1, reps + 1)]
    show(sheet("life", rows))


@app.command("crowd")
def crowd_command(
    incidents: Annotated[str, typer.Option(help="Open incidents, with commas.")] = "1000,1000000",
    reps: Repetitions = 3,
    alerts: Alerts = 300_000,
    sites: Sites = 100_000,
    bootstrap: Address = None,
) -> None:
    """Clear a backlog among few and among many open incidents: throughput, memory, restore."""
    worker, load, rows = shipped(), Load(alerts, sites), []
    with warm_broker(bootstrap) as node:
        for number in range(1, reps + 1):
            for count in in_turn([int(count) for count in incidents.split(",")], number):
                given = {"open_incidents": count, **load._asdict()}
                run = partial(crowd, Logs(node.address), worker, count, load, PATIENCE, RUN_SECONDS)
                rows.append(measured("crowd", worker.name, number, given, node, run))
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
        run = partial(timers, Logs(node.address), worker, armed, restore)
        rows = [measured("timers", worker.name, 1, {"armed": armed}, node, run)]
    show(sheet("timers", rows))


@app.command("quick")
def quick_command(
    reps: Repetitions = 3,
    commit: Annotated[bool, typer.Option("--commit", help="Make this the ratio to compare with.")] = False,
    bootstrap: Address = None,
) -> None:
    """Check whether the worker has become slower than the plain loop, in less than three minutes."""
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
    """Measure everything, and print all tables. An interrupted run keeps its measurements."""
    since, again.left = now(), ONCE_MORE
    scenarios: tuple[Callable[[], None], ...] = (
        partial(drain_command, contenders or DRAINED, reps),
        partial(latency_command, contenders or TIMED, reps=reps),
        partial(recovery_command, contenders or KILLED),
        partial(scale_command, reps=reps),
        partial(storm_command, reps=reps),
        partial(life_command, reps=reps),
        partial(crowd_command, reps=reps),
        timers_command,
    )
    for measure in scenarios:
        try:
            measure()
        except Exception as error:  # noqa: BLE001 - without a broker, say; the next one gets its own
            said.print(f"[bold red]A SCENARIO FAILED[/]: {type(error).__name__}: {escape(str(error))}")
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
