"""`ronde verify`: inputs = decided + quarantined + dead-lettered, computed from the topics (procedure.md §7)."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console

from ronde.shared.errors import Failed
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import Listing, Terminal, print_value
from ronde.shared.topic_reading import opened, recorded
from streams.verify.conservation import Sum
from streams.verify.conservation_sites import SiteSum
from streams.verify.verification import Verification, VerificationResult

_LONGEST_LIST: Final = 50  # of what does not add up; --json has more
_LONGEST_TABLE: Final = 100  # partitions; of more, only the totals of each topic
_WORDS: Final = {
    "MISSING": "it was handled, and there is neither a decision nor a quarantine record nor a dead letter of it",
    "TWICE": "it has more than one end",
    "NO_INPUT": "it has an end, and is not in its topic",
    "AGAIN": "a deadline was decided again: its incident had a decision of this version before",
    "ELSEWHERE": "its end lies in another partition",
    "UNREADABLE": "another program wrote this record, or a newer release did: it is none that this release writes",
    "NO_READINESS": "the site has no readiness record",
    "OLDER_READINESS": "the site's readiness record is older",
    "OTHER_READINESS": "the site's readiness record says something else",
}
_HEADERS: Final = (
    "inputs", "decided", "quaran-\ntined", "dead-\nlettered", "not\ncheckable", "waiting", "differ-\nence"
)  # fmt: skip
_COLUMNS: Final = ("inputs", "decided", "quarantined", "dead_lettered", "not_checkable", "waiting", "difference")


def verify(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Read the topics and add up: inputs = decided + quarantined + dead-lettered, for every topic and partition.

    Workers may be running. Waiting are inputs not handled yet; not checkable are those whose end may have been deleted
    by the retention of its topic. Of sites, the current record of each must have its readiness, or be a dead letter; of
    those with neither, no more are not checkable than dead letters were deleted, and these are the oldest. No deadline
    may have been decided twice.
    Exit 1 when something does not add up.
    """
    effective = in_force(settings)
    with opened(effective, "reading") as (logs, total):
        verification = Verification(logs, recorded(effective))
        total(verification.offsets)
        verified = verification.run()
    if as_json:
        print_value(_as_object(verified))
    else:
        _print(verified)
    if verified.differences:
        raise Failed(_summary(verified))


def _as_object(verified: VerificationResult) -> dict[str, Any]:
    return {
        "differences": verified.differences,
        "topics": [{**one._asdict(), "difference": one.difference} for one in verified.sums],
        "sites": [{**one._asdict(), "difference": one.difference} for one in verified.sites],
        "found": [one._asdict() for one in verified.found],
        "deleted_unhandled": [
            {"topic": topic, "partition": partition, "offsets": offsets}
            for (topic, partition), offsets in verified.deleted.items()
        ],
    }


def _print(verified: VerificationResult) -> None:
    console = Terminal()
    table = Listing("log", gap=1)
    for header in _HEADERS:
        table.add_column(header, justify="right", no_wrap=True, vertical="bottom")
    topics = dict.fromkeys(one.topic for one in verified.sums)
    for topic in topics:
        of_topic = [one for one in verified.sums if one.topic == topic]
        if len(verified.sums) <= _LONGEST_TABLE:
            for one in of_topic:
                table.add_row(f"{topic}-{one.partition}", *map(_number, _counts(one)))
        _add_total(table, topic, of_topic)
    _add_total(table, "all", verified.sums)
    console.print(table)
    _print_sites(console, verified.sites)
    for log, offsets in verified.deleted.items():
        console.print(f"{log[0]}-{log[1]}: {offsets:,} offsets were deleted before they were handled", style="red")


def _print_sites(console: Console, sums: list[SiteSum]) -> None:
    console.print(
        f"sites: {sum(one.sites for one in sums):,}, "
        f"{sum(one.published for one in sums):,} with the readiness of their current record, "
        f"{sum(one.dead_lettered for one in sums):,} whose current record is a dead letter, "
        f"{sum(one.not_checkable for one in sums):,} not checkable, "
        f"{sum(one.waiting for one in sums):,} with a record that waits, "
        f"difference {sum(one.difference for one in sums):,}"
    )


def _counts(one: Sum) -> list[int]:
    return [getattr(one, column) for column in _COLUMNS]


def _add_total(table: Listing, name: str, sums: list[Sum]) -> None:
    totals = (sum(column) for column in zip(*map(_counts, sums), strict=True))
    table.add_row(name, *map(_number, totals), style="bold")


def _number(count: int) -> str:
    return f"{count:,}"


def _summary(verified: VerificationResult) -> str:
    """What does not add up."""
    lines = [
        f"{verified.differences:,} {'record does' if verified.differences == 1 else 'records do'} not add up:",
        *(f"  {one.topic}-{one.partition}-{one.offset}: {_WORDS[one.wrong]}" for one in verified.found[:_LONGEST_LIST]),
    ]
    rest = verified.differences - min(len(verified.found), _LONGEST_LIST)
    if rest:
        lines.append(f"  and {rest:,} more; --json lists the first {len(verified.found):,}")
    if verified.foreign:
        lines.append(
            f"{verified.foreign:,} of them another program wrote, or a newer release. Nothing of ronde's is wrong for "
            "that: find the program, and let only workers write these topics (`ronde topics acl`)."
        )
    if verified.differences > verified.foreign:
        lines.append(
            "Inputs and their ends must always add up. Keep the topics as they are, and report this with the output of "
            "`ronde replay` for the sites."
        )
    return "\n".join(lines)
