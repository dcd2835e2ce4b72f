"""What happened at a site, a line an event: what came, the rule, what went out.

Imports neither a client of Kafka nor one of PostgreSQL: `ronde simulate` does without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from rich.table import Table
from rich.text import Text

from ronde.shared.plain import plain
from ronde.views.site_timeline.board import InputPosition, Record, SiteView

Inputs: TypeAlias = dict[InputPosition, Record]
PHASE_COLOURS: Final = {
    "CALLING": "cyan",
    "CONFIRMING": "cyan",
    "WAITING": "yellow",
    "DISPATCHED": "magenta",
    "HANDED_OVER": "bold red",
    "CLOSED": "green",
}
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
        rule = Text(moment.rule, PHASE_COLOURS.get(moment.phase, "blue"))
        table.add_row(Text(time, "dim"), Text(plain(moment.came)), rule, Text(plain(moment.done)))
    return table


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
