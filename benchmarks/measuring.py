"""Contenders measured one after the other on a warm broker; each run is a row of the record, also a failed one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.markup import escape

from benchmarks.broker import Broker, broker
from benchmarks.contenders import BASE, CONTENDERS
from benchmarks.drain import Load, drain
from benchmarks.latency import latency
from benchmarks.logs import Logs
from benchmarks.neighbours import QUIET_CORES, Usage, taken
from benchmarks.record import keep

WARM_UP: Final = Load(30_000, 10_000)
WARM_RATE: Final = 3_000
WARM_SECONDS: Final = 10
RUN_SECONDS: Final = 300.0
PATIENCE: Final = 40.0

T = TypeVar("T")
said = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def warm_broker(address: str | None, *, is_timed: bool = False) -> Iterator[Broker]:
    """A broker that has worked already, if ``is_timed`` at a steady rate too: a fresh JVM is slow."""
    with broker(address) as node:
        if address is None:
            drain(Logs(node.address), CONTENDERS[BASE], WARM_UP, PATIENCE, RUN_SECONDS)
            if is_timed:
                latency(Logs(node.address), CONTENDERS[BASE], [WARM_RATE], WARM_SECONDS)
        yield node


def in_turn(each: Sequence[T], repetition: int) -> list[T]:
    """Each repetition begins with another one, as the broker goes on getting warmer."""
    first = (repetition - 1) % max(len(each), 1)
    return [*each[first:], *each[:first]]


class Again:
    """How many more runs may be measured once more because the machine was not left alone; 0 unless somebody says."""

    left = 0

    def take(self) -> bool:
        """Whether there is one more, and count it."""
        self.left -= 1
        return self.left >= 0


again: Final = Again()


def measured(
    scenario: str,
    contender: str,
    repetition: int,
    parameters: dict[str, Any],
    node: Broker,
    measure: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """The row of a run, kept. One that fails is a row too, which counts for nothing: the others are measured.

    A run that was disturbed is kept aside, as one of ``disturbed``, and measured once more while ``again`` allows.
    """
    while True:
        found = _told(node, measure)
        cores = taken(found) or 0.0
        is_last = cores < QUIET_CORES or not again.take()
        row = keep(scenario if is_last else "disturbed", contender, repetition, parameters, found)
        how = "counts" if row["counts"] else f"[bold red]DOES NOT COUNT[/] {escape(row.get('failure', ''))}"
        noise = "" if cores < QUIET_CORES else f", [bold red]not alone[/]: others used {cores:.2f} cores"
        once_more = "" if is_last else "; once more"
        said.print(f"{row['measured_at'][11:19]} {scenario} {repetition} {contender}: {how}{noise}{once_more}")
        if is_last:
            return row


def _told(node: Broker, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    before = Usage.now(node)
    try:
        found = measure()
    except Exception as error:  # noqa: BLE001 - a contender may fail in any way
        found = {"counts": False, "failure": f"{type(error).__name__}: {error}"}
    return {**found, "neighbours": Usage.now(node).since(before)}
