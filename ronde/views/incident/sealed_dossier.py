"""An incident's records as they are in the topics, put into a sealed dossier (`ronde incident export --sealed`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import psycopg

from ronde.shared.errors import START_POSTGRES, Failed, failing_on
from ronde.shared.topic_reading import broker_errors_as_failures, opened, recorded
from ronde.shared.whole_settings import WholeSettings
from seal.commitments import SEALED, Commitments
from seal.dossier import dossier
from seal.erasures import erasure_of
from seal.errors import SealError
from seal.store import Store, connect
from service.postgres import reason
from service.registry import registry_of
from sinks.errors import Away
from sinks.forget.erasures import ErasureLog
from streams.escalation.values import Attention, Decision, Instant
from streams.formats.topic_values import TopicValues
from streams.kafka.reading import LogRecord, Logs, Span

_COMMANDS: Final = ("calls", "dispatches", "attention")
_TOPICS: Final = ("decisions", *_COMMANDS, "alerts", "call-results", "dispatch-reports", "operator-actions")


def sealed_dossier(
    settings: WholeSettings, incident_id: str, since_head: int | None = None, until_head: int | None = None
) -> bytes:
    """Return the zip of an incident, with the heads from ``since_head`` to ``until_head``. Raises `Failed`."""
    with opened(settings, "reading", only=_TOPICS) as (logs, _):
        values = recorded(settings)
        records = list(incident_records(logs, values, incident_id))
    if not records:
        raise Failed(f"{settings.topic('decisions')} has no incident {incident_id}: see that the id is right")
    decided = [_decision(values, record) for record in records if record.topic == "decisions"]
    is_closed = any(decision is not None and decision.phase_to == "CLOSED" for decision in decided)
    erasures = _erasures(settings)
    with broker_errors_as_failures(), seal_errors_as_failures(), connect(settings.postgres) as connection:
        store = Store(connection)
        for erasure in filter(None, map(erasure_of, erasures)):
            store.foresee(*erasure)
        opener = commitments(settings, store)
        return dossier(
            store, incident_id, opener, records,
            is_open=not is_closed, since_head=since_head, until_head=until_head,
        )  # fmt: skip


@contextlib.contextmanager
def seal_errors_as_failures() -> Iterator[None]:
    """Turn errors of the seal or its database into the command's failure."""
    try:
        yield
    except SealError as error:
        raise Failed(str(error)) from None
    except psycopg.Error as error:
        raise Failed(f"PostgreSQL cannot be used: {reason(error)}. {START_POSTGRES}") from None


def _erasures(settings: WholeSettings) -> list[bytes]:
    """Return what was asked to be erased: the process that seals may not have read it yet. Raises `Failed`."""
    with contextlib.closing(ErasureLog(settings.for_sink())) as log, failing_on(Away):
        log.begin(may_be_missing=True)
        return list(log.rest())


def commitments(settings: WholeSettings, store: Store) -> Commitments:
    """Return what opens kept leaves: no new secret is made."""
    registry = registry_of(settings.registry, settings.seal.data_dir)
    return Commitments(store.secret, None if registry is None else registry.schema)


def incident_records(logs: Logs, values: TopicValues, incident_id: str) -> Iterator[LogRecord]:
    """Yield the decisions of an incident, their inputs and their outputs. Raises `Failed` where some are gone."""
    partitions = logs.require(_TOPICS)
    encoded = incident_id.encode()
    for number in range(partitions):
        log = ("decisions", number)
        begin, end = logs.offsets.first([log])[log], logs.offsets.last_stable([log])[log]
        found = [
            (record, decision)
            for record in logs.read(Span(*log, begin, end))
            if encoded in (record.value or b"") and (decision := _decision(values, record)) is not None
            if decision.incident_id == incident_id
        ]
        if found:
            if found[0][1].version != 1:
                raise Failed(f"{incident_id} began before the first decision that {found[0][0].topic}-{number} has")
            yield from (record for record, _ in found)
            yield from _named(logs, values, number, [decision for _, decision in found])
            yield from _set_aside(logs, values, number, found[0][1].at, found[-1][1])
            return


def _set_aside(logs: Logs, values: TopicValues, number: int, opened_at: Instant, last: Decision) -> Iterator[LogRecord]:
    """Yield the attention that the site's state was set aside, which ends an incident without a decision."""
    if last.phase_to == "CLOSED":
        return
    log = ("attention", number)
    # An input of the same instant comes after it, so what that opens goes on (`seal.verify` has the same rule).
    since = last.at + (opened_at == last.at)
    begin, end = logs.offsets.at([log], since)[log], logs.offsets.last_stable([log])[log]
    for record in logs.read(Span(*log, begin, end)):
        if record.key == last.site_id.encode() and _ends_a_site(values, record, since):
            yield record
            return


def _ends_a_site(values: TopicValues, record: LogRecord, since: Instant) -> bool:
    value: Attention | None = values.or_none(record.topic, record.value)
    return value is not None and value.reason == "FAILED" and value.incident_id is None and value.raised_at >= since


def _decision(values: TopicValues, record: LogRecord) -> Decision | None:
    decision: Decision | None = values.or_none("decisions", record.value)
    return decision


def _named(logs: Logs, values: TopicValues, number: int, decisions: list[Decision]) -> Iterator[LogRecord]:
    ids = {name for decision in decisions for name in decision.outputs}
    of_commands = [(topic, number) for topic in _COMMANDS]
    begins = logs.offsets.at(of_commands, decisions[0].at)
    ends = logs.offsets.at(of_commands, decisions[-1].at + 1)
    for log in of_commands:
        for record in logs.read(Span(*log, begins[log], ends[log])):
            value = values.or_none(record.topic, record.value)
            if value is not None and value[0] in ids:  # the id of a command or an attention
                ids.remove(value[0])
                yield record
    if ids:
        raise Failed(f"{min(ids)} is in no topic any more: an incident is exported while they hold all its records")
    firsts = logs.offsets.first([(topic, number) for topic in _TOPICS])
    for place in sorted({decision.input[2:] for decision in decisions if decision.input.topic is not None}):
        topic, _, offset = place
        assert topic is not None
        assert offset is not None
        if topic not in SEALED:
            continue
        if offset < firsts[topic, number]:
            where = f"{topic}-{number}-{offset}, an input of the incident,"
            raise Failed(
                f"{where} is not in the topic any more: an incident is exported while they hold all its records"
            )
        yield from logs.read(Span(topic, number, offset, offset + 1))
