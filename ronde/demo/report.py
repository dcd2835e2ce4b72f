"""The report after the stories: each incident's timeline, the sum, the differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ronde.demo.agenda import Record
from ronde.demo.board import Board, InputPosition, SiteView, differences
from ronde.demo.screen import COLOURS, mark
from ronde.demo.stories import BACKGROUND, STORIES, Story
from ronde.shared.plain import plain
from ronde.shared.terminal import as_typed, program

if TYPE_CHECKING:
    from ronde.demo.stage import Stage  # imports clients of Kafka and PostgreSQL, which `ronde simulate` does without

Inputs: TypeAlias = dict[InputPosition, Record]
VERBS: Final = {"REQUEST": "ask", "AMEND": "tell", "CANCEL": "call off"}


class Moment(NamedTuple):
    """One line of a timeline; ``at`` in ms since 1970, UTC; ``after`` in seconds from the alert."""

    at: int
    after: float
    came: str  # the input
    rule: str
    phase: str
    done: str  # the commands and attentions that went out


def timeline(view: SiteView, inputs: Inputs) -> list[Moment]:
    """What happened at a site, from its first alert on; ``inputs`` are the records that the decisions name."""
    first = next(iter([*view.quarantine, *view.decisions]), None)
    if first is None:
        return []
    raised_at: int = _input(first, inputs).get("raised_at", first["at"])

    def after(record: Record) -> float:
        at: int = record["at"]
        return (at - raised_at) / 1000

    sent = {record["command_id"]: _call(record) for record in view.calls}
    sent |= {record["command_id"]: _dispatch(record) for record in view.dispatches}
    sent |= {record["attention_id"]: f"! {record['reason']}" for record in view.attention}
    called: dict[str | None, str] = {record["command_id"]: record["contact_id"] for record in view.calls}
    moments = [
        Moment(
            alert["at"],
            after(alert),
            _came(_input(alert, inputs), called),
            "(quarantined)",
            "",
            "\n".join((alert["reason"], *alert["missing"])),
        )
        for alert in view.quarantine
    ]
    for decision in view.decisions:
        done = [sent.get(output, output) for output in decision["outputs"]]
        if decision["disposition"]:
            done.append(f"closed: {decision['disposition']}")
        came = "deadline" if decision["input"]["kind"] == "DEADLINE" else _came(_input(decision, inputs), called)
        phase = decision["phase_to"] or ""
        moments.append(Moment(decision["at"], after(decision), came, decision["rule"], phase, "\n".join(done)))
    return sorted(moments, key=lambda moment: moment.at)


def table_of(moments: Iterable[Moment], times: Iterable[str]) -> Table:
    """Return a timeline as printed, with the text of each moment's time."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", min_width=10, no_wrap=True)
    table.add_column(width=24)
    table.add_column(min_width=20, no_wrap=True, overflow="fold")
    table.add_column()
    for moment, time in zip(moments, times, strict=True):
        rule = Text(moment.rule, COLOURS.get(moment.phase, "blue"))
        table.add_row(Text(time, "dim"), Text(plain(moment.came)), rule, Text(plain(moment.done)))
    return table


def print_timelines(console: Console, board: Board, inputs: Inputs) -> None:
    """Print every incident's timeline, story by story; a story without output that ended as planned takes one line."""
    for story in STORIES:
        _print_timeline(console, story, board.site(story.site_id), inputs)
    console.print()
    for story in BACKGROUND:
        view = board.site(story.site_id)
        if view.is_as_planned(story):
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
    missed = [story for story in (*STORIES, *BACKGROUND) if not board.site(story.site_id).is_as_planned(story)]
    for story in missed:
        console.print(Text(f"\n✗ {story.site_id} {story.title}: not as told", "bold red"))
        for line in differences(story.ending, board.site(story.site_id).ending()):
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


def _input(record: Record, inputs: Inputs) -> Record:
    """The input of a decision or a quarantine record; empty when it has none, or it can't be found."""
    origin = record["input"]
    if origin["topic"] is None:
        return {}
    return inputs.get(InputPosition(origin["topic"], origin["partition"], origin["offset"]), {})


def _came(record: Record, called: Mapping[str | None, str]) -> str:
    """An input in a few words; ``called`` is the contact of each command, as a result need not name it."""
    if "alert_id" in record:
        return f"alert {record['kind']}"
    if "result_id" in record:
        situation = " ABNORMAL" if record["situation"] == "ABNORMAL" else ""
        called_back = "calls: " if record["direction"] == "INBOUND" else ""
        who = record["contact_id"] or called.get(record["command_id"], "somebody")
        return f"{who} {called_back}{record['outcome']}{situation}"
    if "report_id" in record:
        return f"guard {record['status']}"
    if "action_id" in record:
        return f"operator {record['action']}"
    return "?"


def _call(command: Record) -> str:
    return f"{command['action'].lower()} {command['round']}.{command['position']} {command['contact_id']}"


def _dispatch(command: Record) -> str:
    covert = "\n(covertly)" if command["covert"] else ""
    again = f" ({command['attempt']})" if command["action"] == "REQUEST" and command["attempt"] > 1 else ""
    return f"{VERBS[command['action']]} {command['partner_id']}{again}{covert}"
