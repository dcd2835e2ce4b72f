"""The report after the stories: each incident's timeline, the sum, the differences."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from ronde.demo.endings import differences, ending_of, is_as_planned
from ronde.demo.screen import mark
from ronde.demo.stage import Stage
from ronde.demo.stories import BACKGROUND, STORIES, Story
from ronde.shared.terminal import as_typed, program
from ronde.views.site_timeline.board import Board, SiteView
from ronde.views.site_timeline.moments import Inputs, table_of, timeline


def print_timelines(console: Console, board: Board, inputs: Inputs) -> None:
    """Print every incident's timeline, story by story; a story without output that ended as planned takes one line."""
    for story in STORIES:
        _print_timeline(console, story, board.site(story.site_id), inputs)
    console.print()
    for story in BACKGROUND:
        view = board.site(story.site_id)
        if is_as_planned(story, view):
            moments = [f"{moment.after:+.2f} s {moment.rule}" for moment in timeline(view, inputs)]
            console.print(_heading(story, view), Text("  " + ", ".join(moments)), sep="")
        else:
            _print_timeline(console, story, view, inputs)


def print_sum(console: Console, board: Board, inputs: Inputs, sites: int) -> bool:
    """Print the sum over the topics, and each input with no end, or two; True if there is none.

    ``sites`` is the number of site records sent: each ends in a readiness record.
    """
    decided, quarantined, dead = board.decided, board.quarantined, set(board.dead)
    endless = inputs.keys() - board.ended
    twice = (decided & quarantined) | (decided & dead) | (quarantined & dead)
    balanced = not endless and not twice
    console.print(
        Text.assemble(
            (f"{len(inputs)} inputs", "bold"),
            f" {'=' if balanced else '≠'} {len(decided)} decided + {len(quarantined)} quarantined"
            f" + {len(dead)} dead-lettered\n{sites} site records {'=' if sites == board.judged else '≠'} "
            f"{board.judged} readiness records",
        )
    )
    for what, places in (("has no end", endless), ("has two ends", twice)):
        for place in sorted(places):
            console.print(Text(f"  {place.topic}, partition {place.partition}, offset {place.offset} {what}", "red"))
    for place, reason in sorted(board.dead.items()):
        text = f"  dead letter {reason}: {place.topic}, partition {place.partition}, offset {place.offset}"
        console.print(Text(text, "red"))
    return balanced and not dead and sites == board.judged


def print_missed(console: Console, board: Board) -> list[str]:
    """Print each story that did not end as planned, with the expected and the actual ending; return their sites."""
    missed = [story for story in (*STORIES, *BACKGROUND) if not is_as_planned(story, board.site(story.site_id))]
    for story in missed:
        console.print(Text(f"\n✗ {story.site_id} {story.title}: not as told", "bold red"))
        for line in differences(story.ending, ending_of(board.site(story.site_id))):
            console.print(Text(f"    {line}", "red"))
    return [story.site_id for story in missed]


def print_whereabouts(console: Console, stage: Stage, servers: Path, *, keep: bool, is_local: bool) -> None:
    """Print where logs, metrics and, if kept, Kafka and PostgreSQL are, and the commands to look further.

    ``servers`` is the data folder of the local ones; ``is_local``: Kafka is one of them.
    """
    console.print(Text.assemble("\nlogs, scripts, metrics: ", (str(stage.folder), "bold")))
    if not keep:
        console.print(as_typed("`ronde demo --keep` leaves Kafka, the topics and the ledger up for a closer look"))
        return
    assert stage.ledger is not None
    host, port, database = stage.ledger
    console.print(Text.assemble("Kafka stays up: ", (stage.kafka, "bold"), ", topics ", (f"{stage.prefix}*", "bold")))
    console.print(Text.assemble("PostgreSQL stays up: ", (f"postgresql://ronde@{host}:{port}/{database}", "bold")))
    ronde = program()
    ways = {
        "incidents": f"{ronde} incidents --settings {stage.settings}",
        "a page of one": f"{ronde} incident export ID --settings {stage.settings}",
        "the day": f"{ronde} report --settings {stage.settings}",
        "topics": f"{ronde} topics check --settings {stage.settings}",
        "receiver": f"{ronde} receiver --settings {stage.settings}",
        "worker": f"{ronde} worker --settings {stage.settings}",
        "sink": f"{ronde} sink --settings {stage.settings}",
        "stop": f"{ronde} local down --data {servers}",
    }
    for what, command in ways.items():
        console.print(f"  {what:<14} {command}", soft_wrap=True)
    if not is_local:
        console.print("  Kafka is not the demonstration's: the topics there stay", style="dim")


def _print_timeline(console: Console, story: Story, view: SiteView, inputs: Inputs) -> None:
    console.print()
    console.print(_heading(story, view))
    moments = timeline(view, inputs)
    table = table_of(moments, [f"{moment.after:+.2f} s" for moment in moments])
    console.print(table if table.row_count else Text("  nothing came", "dim"))


def _heading(story: Story, view: SiteView) -> Text:
    return Text.assemble(mark(story, view, is_over=True), " ", (story.site_id, "bold"), "  ", (story.title, "bold"))
