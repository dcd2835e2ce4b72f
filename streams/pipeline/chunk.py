"""A chunk on its way from the reader to the stages, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from streams.formats.message import Message

if TYPE_CHECKING:
    from streams.pipeline.decode import Inbox
    from streams.state.partition import Unusable

# By partition, the sites whose state must be set aside and why: these partitions are to be restored from the log.
Rewind: TypeAlias = "Mapping[int, Mapping[str, Unusable]]"


@dataclass(frozen=True, slots=True)
class InputChunk:
    """What had arrived when the last chunk was done; without messages, deadlines are due.

    ``caught_up`` are the partitions of which it has the last inputs that waited at their assignment. ``done``
    takes, once, the partitions to be restored (none: all is well), or what ended the chunk and the worker.
    """

    messages: list[Message]
    caught_up: frozenset[int]
    done: SimpleQueue[Rewind | Exception] = field(default_factory=SimpleQueue)


class DecodedChunk(NamedTuple):
    """A chunk's values by partition, and the partitions that have ``caught_up``."""

    inboxes: dict[int, Inbox]
    caught_up: frozenset[int]
