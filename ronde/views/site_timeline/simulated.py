"""`ronde simulate --timeline`: the events of each site, as the simulation has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, TypeAlias

from rich.text import Text

from ronde.shared.plain import plain
from ronde.shared.terminal import Terminal
from ronde.shared.times import day
from ronde.views.site_timeline.board import Board, InputPosition, Record, as_record
from ronde.views.site_timeline.moments import Inputs, Moment, table_of, timeline
from schemas.contract.topics import INPUT_TOPICS
from service import rfc3339
from streams.formats.validation import DeadLetterCause
from streams.simulation import scenario
from streams.simulation.simulation import PARTITION, DeadLetter
from streams.simulation.simulation import Record as Emitted

Play: TypeAlias = Callable[[Iterable[bytes]], Iterator[Emitted]]


def show(lines: Iterable[bytes], play: Play) -> None:
    """Play the lines, then print each site's timeline, and the states set aside.

    Raises what ``play`` raises, after printing the events before it.
    """
    board, inputs = Board(), dict[InputPosition, Record]()
    sites: dict[str, None] = {}
    aside: list[Emitted] = []
    try:
        for record in play(_noted(lines, inputs)):
            if isinstance(record.value, DeadLetter):
                aside.append(record)
            elif record.value is not None:
                sites[record.key] = None
                board.take(record.topic, as_record(record.value))
    finally:
        _print(board, inputs, sites, aside)


def _noted(lines: Iterable[bytes], inputs: Inputs) -> Iterator[bytes]:
    """Yield the lines; note each input under the place that its decisions will name."""
    offsets = dict.fromkeys(INPUT_TOPICS, 0)
    for raw in lines:
        if raw.strip():
            try:
                line = scenario.read_line(0, raw)
            except scenario.BadLine:
                yield raw  # ``play`` raises what is wrong
                continue
            value = scenario.value_of(line.topic, line.key, line.value)
            if value is not None and not isinstance(value, DeadLetterCause):
                inputs[InputPosition(line.topic, PARTITION, offsets[line.topic])] = as_record(value)
            offsets[line.topic] += 1
        yield raw


def _print(board: Board, inputs: Inputs, sites: Iterable[str], aside: list[Emitted]) -> None:
    out = Terminal()
    is_first = True
    for site_id in sites:
        for date, moments in groupby(timeline(board.site(site_id), inputs), lambda moment: day(moment.at)):
            if not is_first:
                out.print()
            is_first = False
            out.print(Text.assemble((plain(site_id), "bold"), "  ", (date, "dim")))
            of_day = list(moments)
            out.print(table_of(of_day, map(_time, of_day)))
    for record in aside:
        letter: Any = record.value
        words = plain(f"{letter.topic}: {letter.reason}: {letter.error}")
        out.print(Text(f"dead letter at {rfc3339.write(record.at)}: {words}", "red"), soft_wrap=True)


def _time(moment: Moment) -> str:
    return rfc3339.write(moment.at)[11:23].removesuffix(".000")
