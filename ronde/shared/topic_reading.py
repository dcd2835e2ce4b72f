"""Shared by the commands that read whole topics: access, progress, and the broker's errors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ronde.shared.errors import Failed
from schemas.avro.errors import RegistryNotSet, RegistryUnreachable
from schemas.contract.murmur2 import partition
from service.registry import registry_of
from streams.escalation.values import Instant
from streams.formats.topic_values import TopicValues
from streams.kafka.offsets import ReadingError
from streams.kafka.reading import LogRecord, Logs, Span
from streams.kafka.topics import TopicsError
from streams.settings import Settings

Total = Callable[[int], None]


@contextmanager
def broker_errors_as_failures() -> Iterator[None]:
    """Turn errors of the broker or the schema registry into the command's failure."""
    try:
        yield
    except (TopicsError, ReadingError, RegistryNotSet) as error:
        raise Failed(str(error)) from None
    except RegistryUnreachable as error:
        raise Failed(f"{error} (registry.url)") from None


@contextmanager
def opened(
    settings: Settings, doing: str, only: Collection[str] | None = None, role: str | None = None
) -> Iterator[tuple[Logs, Total]]:
    """Yield all logs, and a function that takes the number of offsets to read; on a terminal, a bar shows the progress.

    ``only`` and ``role`` are those of `Logs`. Raises `Failed`, as the work within does, when the broker does not
    answer.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with (
        broker_errors_as_failures(),
        Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress,
    ):
        bar = progress.add_task(doing, total=None)
        logs = Logs(settings, lambda offsets: progress.advance(bar, offsets), only, role)
        try:
            yield logs, lambda total: progress.update(bar, total=total)
        finally:
            logs.close()


def records(
    logs: Logs, topic: str, *, key: str | None = None, since: Instant | None = None, total: Total = lambda _: None
) -> Iterator[LogRecord]:
    """Yield the records of a topic, a partition after the other: from an instant on, or only those of a key."""
    count = logs.require([topic])
    encoded = None if key is None else key.encode()
    partitions = [(topic, number) for number in (range(count) if encoded is None else [partition(encoded, count)])]
    ends = logs.offsets.last_stable(partitions)
    begins = logs.offsets.first(partitions) if since is None else logs.offsets.at(partitions, since)
    total(sum(max(0, ends[log] - begins[log]) for log in partitions))
    for log in partitions:
        for record in logs.read(Span(*log, begins[log], ends[log])):
            if encoded is None or record.key == encoded:
                yield record


def recorded(settings: Settings) -> TopicValues:
    """Return the decoders of all topics, with the schema registry if there is one."""
    return TopicValues(registry_of(settings.registry, settings.worker.data_dir))
