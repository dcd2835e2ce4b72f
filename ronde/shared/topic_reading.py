"""What the commands that read whole topics share: the way in, how far they are, and how the broker's refusals end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ronde.shared.errors import Failed
from schemas.avro.errors import RegistryNotSet, RegistryUnreachable
from service.registry import Registry
from streams.formats.topic_values import TopicValues
from streams.kafka.offsets import ReadingError
from streams.kafka.reading import Logs
from streams.kafka.topics import TopicsError
from streams.settings import Settings

_REGISTRY_SECONDS: Final = 5.0

Total = Callable[[int], None]


@contextmanager
def broker_errors_as_failures() -> Iterator[None]:
    """Turn what the broker or the schema registry refuses into the command's failure."""
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
    """All logs, to be read, and what to tell how many offsets that will be; on a terminal, a bar shows how far it is.

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


def recorded(settings: Settings) -> TopicValues:
    """The decoders of all topics, with the schema registry where there is one."""
    if settings.registry.url is None:
        return TopicValues()

    client = httpx.Client(base_url=settings.registry.url, timeout=_REGISTRY_SECONDS)
    return TopicValues(Registry(client, settings.worker.data_dir))
