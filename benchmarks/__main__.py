"""``python -m benchmarks``: each scenario a command, each run a line in the record, each record a table."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from rich.console import Console

from benchmarks import quick
from benchmarks.broker import broker
from benchmarks.contenders import BASE, CONTENDERS, SHIPPED, Contender
from benchmarks.drain import Load, drain
from benchmarks.environments import NotMeasured
from benchmarks.logs import Logs
from benchmarks.record import keep
from benchmarks.tables import Sheet, drain_table

DRAINED: Final = f"{SHIPPED},{BASE},streams-rocksdb,streams-memory,quix,bytewax,faust"
WARM_UP: Final = Load(30_000, 10_000)
RUN_SECONDS: Final = 300.0
WIDE: Final = 160

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
said = Console(stderr=True)

Names = Annotated[str, typer.Option(help="Who is measured, by name, with commas.")]
Repetitions = Annotated[int, typer.Option(min=1, help="How often, taking turns.")]
Address = Annotated[str | None, typer.Option(help="A broker that runs already, instead of a fresh one.")]
Patience = Annotated[float, typer.Option(help="Seconds without any progress after which a run is over.")]


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


@app.callback()
def benchmarks() -> None:
    """Each scenario is a command; what it measures is added to the record, .ronde/benchmarks/results."""


def measure_drain(
    contenders: list[Contender],
    load: Load,
    repetitions: range,
    bootstrap: str | None,
    patience: float = 40.0,
) -> list[dict[str, Any]]:
    """All contenders take turns; the rows."""
    rows = []
    with broker(bootstrap) as node:
        logs = Logs(node.address)
        if bootstrap is None:  # a fresh JVM is slow: not for whoever happens to be the first
            drain(logs, CONTENDERS[BASE], WARM_UP, patience, RUN_SECONDS)
        for repetition in repetitions:
            for contender in contenders:
                broker_cpu = node.cpu_seconds()
                found = drain(logs, contender, load, patience, RUN_SECONDS)
                found["broker_cpu_seconds"] = node.cpu_seconds() - broker_cpu
                row = keep("drain", contender.name, repetition, load._asdict(), found)
                said.print(f"{repetition} {contender.name}: {row.get('rate', 0):,.0f} alerts/s", highlight=False)
                rows.append(row)
    return rows


def show(sheet: Sheet) -> None:
    """On the terminal, or as wide as it needs to be."""
    console = Console()
    (console if console.is_terminal else Console(width=WIDE)).print(sheet)


@app.command("drain")
def drain_command(
    contenders: Names = DRAINED,
    reps: Repetitions = 3,
    alerts: int = 300_000,
    sites: int = 100_000,
    bootstrap: Address = None,
    patience: Patience = 40.0,
    first_rep: Annotated[int, typer.Option(help="The number of the first repetition, for the record.")] = 1,
) -> None:
    """A backlog of alerts, all contenders taking turns."""
    repetitions = range(first_rep, first_rep + reps)
    rows = measure_drain(chosen(contenders), Load(alerts, sites), repetitions, bootstrap, patience)
    show(drain_table(rows))


@app.command("quick")
def quick_command(
    reps: Repetitions = 3,
    commit: Annotated[bool, typer.Option("--commit", help="Make this the ratio to compare with.")] = False,
    bootstrap: Address = None,
) -> None:
    """Tell whether the worker has become slower than the plain loop, in less than three minutes."""
    ratio = quick.Ratio.of(measure_drain(chosen(f"{SHIPPED},{BASE}"), quick.LOAD, range(1, reps + 1), bootstrap))
    if ratio is None:
        said.print("no repetition counts: outputs are missing or doubled, see .ronde/benchmarks/results/drain.jsonl")
        raise typer.Exit(1)
    Console(soft_wrap=True).print(quick.compare(ratio), highlight=False)
    if commit:
        quick.commit(ratio)


if __name__ == "__main__":
    app()
