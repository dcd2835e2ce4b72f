"""Dicts to the core's values and back, by their fields: all that a replay needs to call the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from streams.escalation.state import SiteState
from streams.escalation.values import (
    Address,
    Alert,
    CallResult,
    Contact,
    DispatchReport,
    Event,
    Intervention,
    OperatorAction,
    Site,
)
from tests.faults.records import Value

_EVENTS: Final[Mapping[str, Callable[..., Event]]] = {
    "alerts": Alert,
    "call-results": CallResult,
    "dispatch-reports": DispatchReport,
    "operator-actions": OperatorAction,
}


def event(topic: str, value: Value) -> Event:
    """An input of the core."""
    return _EVENTS[topic](**value)


def site(value: Value) -> Site:
    """A site of the core."""
    address, intervention = value["address"], value["intervention"]
    nested: dict[str, Any] = {
        "contacts": tuple(Contact(**contact) for contact in value["contacts"]),
        "address": None if address is None else Address(**address),
        "intervention": Intervention(intervention["enabled"], tuple(intervention["partners"])),
    }
    return Site(**{**value, **nested})


def plain(value: Any) -> Any:
    """A value of the core as a reader of its topic gets it."""
    if value is None or isinstance(value, str | int):
        return value
    if hasattr(value, "_asdict"):
        return {name: plain(inner) for name, inner in value._asdict().items()}
    if is_dataclass(value):
        return {part.name: plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, tuple):
        return [plain(inner) for inner in value]
    return value


def plain_state(state: SiteState) -> Value:
    """A site's state as the records of ``state`` have it."""
    told: Value = plain(state)
    return told
