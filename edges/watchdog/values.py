"""The values that the watchdog reads: those of the desk, and what it needs of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from edges.desk.values import CONSTRUCTORS as DESK
from edges.desk.values import InputRef
from schemas.avro.errors import Undecodable

if TYPE_CHECKING:
    from confluent_kafka import Message

_ORIGIN: Final = ("dlq.topic", "dlq.partition", "dlq.offset")


def _source(topic: str, partition: int, offset: int) -> InputRef:
    return InputRef("", "", topic, partition, offset)


def _quarantined(*fields: Any) -> InputRef:
    """Where the quarantined alert lies: the last field but one."""
    ref: InputRef = fields[-2]
    return ref


CONSTRUCTORS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {**DESK, "Source": _source, "Quarantined": _quarantined}
)


def origin(message: Message) -> InputRef:
    """Where a dead letter lay, by its headers. Raises `Undecodable`."""
    headers = dict(message.headers() or [])
    try:
        topic, partition, offset = (bytes(headers[name] or b"").decode() for name in _ORIGIN)  # type: ignore[arg-type]
        return _source(topic, int(partition), int(offset))
    except (KeyError, ValueError) as error:
        raise Undecodable("a dead letter without its origin") from error
