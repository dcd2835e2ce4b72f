"""A comparison for people, on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from ronde.shared.terminal import Listing, Terminal
from ronde.shared.times import after, day, span
from ronde.views.incident.words import RULES
from ronde.views.whatif.figures import Question, quantile, share
from streams.whatif.comparison import Comparison, Incident, Side, Verdict

_VERDICTS: Final[Mapping[Verdict, str]] = {
    "SAME": "the same, decision by decision",
    "OTHER_TIMES": "other calls or times, the same end",
    "OTHER_END": "end otherwise",
    "UNDETERMINED": "undetermined",
    "NOT_JUDGED": "not judged",
}


def show(console: Terminal, question: Question, comparison: Comparison, longest: int) -> None:
    """Print the sums, and the timelines of the first ``longest`` listed incidents."""
    for name, was, is_now in question.changes:
        console.print(f"{name}: {was} -> {is_now}")
    if not question.changes:
        console.print("nothing changed: this is the log, decided again")
    console.print(_period(comparison))
    console.print()
    for line in verdicts(comparison):
        console.print(line)
    console.print()
    table = Listing("", "in the log", "it would be")
    for row in rows(comparison):
        table.add_row(*row)
    console.print(table)
    console.print(guards(comparison))
    for incident in comparison.listed[:longest]:
        console.print()
        _show_incident(console, incident)
    if len(comparison.listed) > longest:
        console.print()
        console.print(f"and {len(comparison.listed) - longest:,} more: --list N, --json or --page FILE have them")


def _period(comparison: Comparison) -> str:
    if comparison.begin is None or comparison.end is None:
        return "no decisions"
    return f"{comparison.incidents:,} incidents, {day(comparison.begin)} to {day(comparison.end)} (UTC)"


def verdicts(comparison: Comparison) -> Iterator[str]:
    """Yield how many incidents have each verdict, and why."""
    for name, words in _VERDICTS.items():
        count = comparison.verdicts[name]
        if count or name in {"UNDETERMINED", "NOT_JUDGED"}:
            yield f"{count:,} ({share(count, comparison.incidents):.1%}) {words}"
        reasons: dict[Verdict, Counter[str]] = {
            "UNDETERMINED": comparison.undetermined,
            "NOT_JUDGED": comparison.not_judged,
        }
        for why, number in reasons.get(name, Counter[str]()).most_common():
            yield f"    {number:,} {why}"
    if comparison.additional:
        yield f"{comparison.additional:,} of them are not in the log: an alert opens one of its own"


def rows(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    """Yield the figures of the judged incidents: a name, the log's, the other procedure's."""
    before, after_ = comparison.recorded, comparison.played
    yield "guards asked for", f"{before.guards[0]:,}", bounds(after_.guards)
    yield "calls placed", f"{before.calls[0]:,}", bounds(after_.calls)
    for name, was, is_now in (
        ("alert to first call", before.delays.first_call, after_.delays.first_call),
        ("opening to guard asked", before.delays.guard, after_.delays.guard),
    ):
        for label, part in (("p50", 0.5), ("p95", 0.95)):
            yield f"{name}, {label}", _delay(quantile(was, part)), _delay(quantile(is_now, part))


def guards(comparison: Comparison) -> str:
    """Return how many guards more and fewer there would be."""
    return f"guards: {bounds(comparison.more_guards)} more, {bounds(comparison.fewer_guards)} fewer"


def bounds(pair: tuple[int, int]) -> str:
    """Return a number, or the bounds that it lies within."""
    return f"{pair[0]:,}" if pair[0] == pair[1] else f"{pair[0]:,} to {pair[1]:,}"


def head(incident: Incident) -> str:
    """Return a line about an incident: what it is, why, its bounds."""
    line = f"incident {incident.incident_id} at {incident.site_id}: {_VERDICTS[incident.verdict]}"
    if incident.why is not None:
        line += f", as {incident.why}"
    if incident.part_of is not None:
        line += f": its alert goes to {incident.part_of}"
    return f"{line}; guards {bounds(incident.guards)}, calls {bounds(incident.calls)}"


def lines(side: Side | None) -> Iterator[tuple[str, str, str]]:
    """Yield a timeline: the time since the opening, the rule, what it decides."""
    if side is not None:
        for decision in side.decisions:
            yield after(decision.at - side.opened_at), decision.rule, RULES.get(decision.rule, "")


def _show_incident(console: Terminal, incident: Incident) -> None:
    console.print(head(incident))
    for name, side in (("in the log", incident.recorded), ("it would be", incident.played)):
        if side is None:
            console.print(f"  {name}: none")
            continue
        console.print(f"  {name}:")
        for at, rule, words in lines(side):
            console.print(f"    {at}  {rule}: {words}")
    if incident.verdict == "UNDETERMINED":
        console.print("    from here on the log does not say")


def _delay(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else span(milliseconds)
