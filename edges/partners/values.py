"""A command as partners get it: JSON with the contract's names, times as RFC 3339."""

from __future__ import annotations

from typing import Any, Final

import orjson

from edges.values import DispatchCommand
from schemas.avro.loader import load
from service import rfc3339

INSTANTS: Final = tuple(
    field["name"] for field in load("DispatchCommand")["fields"] if "timestamp-millis" in str(field["type"])
)
"""The fields that are times."""


def to_json(command: DispatchCommand) -> str:
    """The body of its webhook, but the address of its page."""
    value: dict[str, Any] = command._asdict()
    if command.address is not None:
        value["address"] = command.address._asdict()
    for name in INSTANTS:
        if value[name] is not None:
            value[name] = _written(value[name])
    return orjson.dumps(value).decode()


def _written(instant: int) -> str | None:
    """RFC 3339; None for a year that it cannot write: a panel's clock, or its unit, was wrong."""
    return rfc3339.write(instant) if rfc3339.FIRST <= instant <= rfc3339.LAST else None
