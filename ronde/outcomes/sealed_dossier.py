"""An incident's records as they are in the topics, put into a sealed dossier (`ronde incident export --sealed`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg

from ronde.shared.errors import START_POSTGRES, Failed
from ronde.shared.topic_reading import opened, recorded
from ronde.shared.whole_settings import WholeSettings
from schemas.avro.errors import Undecodable
from seal.commitments import SEALED, Commitments
from seal.dossier import dossier
from seal.errors import SealError
from seal.store import Store, connect
from service.postgres import reason
from service.registry import Registry, client
from streams.escalation.values import Decision
from streams.formats.topic_values import TopicValues
from streams.kafka.reading import LogRecord, Logs, Span

_COMMANDS: Final = ("calls", "dispatches", "attention")
_TOPICS: Final = ("decisions", *_COMMANDS, "alerts", "call-results", "dispatch-reports", "operator-actions")


def sealed_dossier(settings: WholeSettings, incident_id: str) -> bytes:
    """Return the zip of an incident. Raises `Failed`."""
    with opened(settings, "reading", only=_TOPICS) as (logs, _):
        records = list(incident_records(logs, recorded(settings), incident_id))
    if not records:
        raise Failed(f"{settings.topic('decisions')} has no incident {incident_id}: see that the id is right")
    try:
        with connect(settings.postgres) as connection:
            return _packed(settings, Store(connection), incident_id, records)
    except SealError as error:
        raise Failed(str(error)) from None
    except psycopg.Error as error:
        raise Failed(f"PostgreSQL cannot be used: {reason(error)}. {START_POSTGRES}") from None


def commitments(settings: WholeSettings, store: Store) -> Commitments:
    """Return what opens kept leaves: no new secret is made."""
    url = settings.registry.url
    registry = None if url is None else Registry(client(url), settings.seal.data_dir).schema
    return Commitments(lambda *of: store.secret(*of, is_new=False), registry)


def incident_records(logs: Logs, values: TopicValues, incident_id: str) -> Iterator[LogRecord]:
    """Yield the decisions of an incident, their inputs and their outputs."""
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
            yield from (record for record, _ in found)
            yield from _named(logs, values, number, [decision for _, decision in found])
            return


def _decision(values: TopicValues, record: LogRecord) -> Decision | None:
    try:
        decision: Decision = values.value("decisions", record.value or b"")
    except Undecodable:
        return None
    return decision


def _named(logs: Logs, values: TopicValues, number: int, decisions: list[Decision]) -> Iterator[LogRecord]:
    ids = {name for decision in decisions for name in decision.outputs}
    of_commands = [(topic, number) for topic in _COMMANDS]
    begins = logs.offsets.at(of_commands, decisions[0].at)
    ends = logs.offsets.at(of_commands, decisions[-1].at + 1)
    for log in of_commands:
        for record in logs.read(Span(*log, begins[log], ends[log])):
            value: Any = values.value(record.topic, record.value or b"")
            if value[0] in ids:
                yield record
    firsts = logs.offsets.first([(topic, number) for topic in _TOPICS])
    for place in sorted({decision.input[2:] for decision in decisions if decision.input.topic is not None}):
        topic, _, offset = place
        assert topic is not None
        assert offset is not None
        if topic in SEALED and offset >= firsts[topic, number]:
            yield from logs.read(Span(topic, number, offset, offset + 1))


def _packed(settings: WholeSettings, store: Store, incident_id: str, records: list[LogRecord]) -> bytes:
    return dossier(store, incident_id, commitments(settings, store), records)
