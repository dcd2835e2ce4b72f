"""The values that the watchdog reads: those of the desk, and what it needs of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from edges.desk.values import CONSTRUCTORS as DESK
from edges.desk.values import InputRef


def _source(topic: str, partition: int, offset: int) -> InputRef:
    return InputRef("", "", topic, partition, offset)


def _quarantined(*fields: Any) -> InputRef:
    """Where the quarantined alert lies: the last field but one."""
    ref: InputRef = fields[-2]
    return ref


CONSTRUCTORS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {**DESK, "Source": _source, "Quarantined": _quarantined}
)
