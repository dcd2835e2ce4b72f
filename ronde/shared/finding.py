"""Look up commands, incidents and sites on the topics by their ids, so that nobody types their fields again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ronde.shared.errors import Failed
from schemas.contract.murmur2 import partition
from service.clock import now_ms
from streams.escalation.values import CallCommand, Decision, Site
from streams.formats.topic_values import TopicValues
from streams.formats.validation import admit, key_text
from streams.kafka.reading import LogRecord, Logs, Span

_HOUR_MS: Final = 3_600_000
# How far back to look first: answers follow within minutes, decisions of an open incident within hours.
_AGES: Final = (_HOUR_MS, 24 * _HOUR_MS)


class SiteInForce(NamedTuple):
    """A site's record in force, how many later ones are dead letters, and up to which offset that was read."""

    record: LogRecord
    site: Site
    refused: int
    read_to: int


def call_command(logs: Logs, recorded: TopicValues, command_id: str) -> CallCommand:
    """The command of an id. Raises `Failed` where none has it, and what `Logs` raises."""
    for records in _newest(logs, "calls", command_id):
        for record in records:
            command: CallCommand | None = recorded.or_none(record.topic, record.value)
            if command is not None and command.command_id == command_id:
                return command
    raise Failed(f"{_nothing(logs, 'calls', 'command', command_id)}; `ronde send` and `ronde answer` print them")


def last_decision(logs: Logs, recorded: TopicValues, incident_id: str) -> Decision:
    """The newest decision of an incident. Raises `Failed` where there is none, and what `Logs` raises."""
    for records in _newest(logs, "decisions", incident_id):
        decoded: list[Decision | None] = [recorded.or_none(record.topic, record.value) for record in records]
        of_it = [decision for decision in decoded if decision is not None and decision.incident_id == incident_id]
        if of_it:
            return max(of_it, key=lambda decision: decision.version)
    raise Failed(
        f"{_nothing(logs, 'decisions', 'incident', incident_id)}; `ronde incidents --open` lists them, from the ledger"
    )


def site_in_force(logs: Logs, recorded: TopicValues, site_id: str) -> SiteInForce:
    """A site's record. Raises `Failed` where there is none, or it was deleted, and what `Logs` raises."""
    home = ("sites", partition(site_id.encode(), logs.require(["sites"])))
    span = Span(*home, logs.offsets.first([home])[home], logs.offsets.last_stable([home])[home])
    found = newer(logs, recorded, site_id, None, span)
    if found is None:
        raise Failed(_nothing(logs, "sites", "site", site_id))
    return found


def newer(logs: Logs, recorded: TopicValues, site_id: str, known: SiteInForce | None, span: Span) -> SiteInForce | None:
    """Return the site's record in force after a span of its partition, given the one before."""
    for record in logs.read(span):
        if key_text(record.key) != site_id:
            continue
        if record.value is None:
            known = None
            continue
        site = recorded.or_none(record.topic, record.value)
        if site is not None and admit(site, site_id) is None:
            known = SiteInForce(record, site, 0, span.end)
        elif known is not None:
            known = known._replace(refused=known.refused + 1)
    return known and known._replace(read_to=span.end)


def _newest(logs: Logs, topic: str, record_id: str) -> Iterator[list[LogRecord]]:
    """Yield the records that contain an id: of the last hour, then of the last day, then all older ones."""
    text = record_id.encode()
    partitions = [(topic, number) for number in range(logs.require([topic]))]
    ends = logs.offsets.last_stable(partitions)
    firsts = logs.offsets.first(partitions)
    now = now_ms()
    for age in (*_AGES, None):
        begins = firsts if age is None else logs.offsets.at(partitions, now - age)
        yield [
            record
            for log in partitions
            for record in logs.read(Span(*log, begins[log], ends[log]))
            if text in (record.value or b"")
        ]
        ends = {log: min(begins[log], ends[log]) for log in partitions}


def _nothing(logs: Logs, topic: str, what: str, name: str) -> str:
    return (
        f"{logs.settings.topic(topic)} has no {what} {ascii(name)[1:-1]}: see that the id is right, and the prefix "
        f"{logs.settings.prefix!r}"
    )
