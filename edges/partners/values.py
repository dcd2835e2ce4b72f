"""The values that are read and written, field by field as in the schemas. Times: Unix milliseconds."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from edges.web.values import write_instant

_INSTANTS: Final = ("first_alert_at", "last_alert_at", "issued_at", "respond_by")


class Address(NamedTuple):
    """Where the guard goes."""

    line1: str
    line2: str | None
    postal_code: str
    city: str
    country: str


class DispatchCommand(NamedTuple):
    """`DispatchCommand.avsc`."""

    command_id: str
    dispatch_id: str
    action: str
    attempt: int
    incident_id: str
    site_id: str
    partner_id: str
    procedure: str
    reason: str
    covert: bool
    alert_kinds: list[str]
    alert_count: int
    first_alert_at: int | None
    last_alert_at: int | None
    address: Address | None
    instructions: str | None
    issued_at: int
    respond_by: int | None
    cause: str

    def to_json(self) -> str:
        """With the contract's names, and times as RFC 3339."""
        value: dict[str, Any] = self._asdict()
        if self.address is not None:
            value["address"] = self.address._asdict()
        for name in _INSTANTS:
            if value[name] is not None:
                value[name] = _written(value[name])
        return orjson.dumps(value).decode()


def _written(instant: int) -> str | None:
    """RFC 3339; None for a year that it cannot write: a panel's clock, or its unit, was wrong."""
    try:
        return write_instant(instant)
    except OverflowError:
        return None


class DispatchReport(NamedTuple):
    """`DispatchReport.avsc`."""

    report_id: str
    site_id: str
    incident_id: str
    dispatch_id: str
    partner_id: str
    status: str
    disposition: str | None
    reason: str | None
    reported_at: int
