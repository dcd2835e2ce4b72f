"""Lines of inputs, and what comes of them: shared by the tests of virtual time."""

import json
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from service import rfc3339
from streams.escalation.procedures import DEFAULTS
from streams.simulation.scenario import play, render

Fields: TypeAlias = dict[str, Any]

ABSENT: Final = object()
CONTACTS: Final = [
    {"contact_id": "ann", "role": "OWNER", "first_name": "Ann", "phone": "+33612345601", "password_hash": "hash-ann"},
    {"contact_id": "bob", "role": "MEMBER", "first_name": "Bob", "phone": "+33612345602", "password_hash": "hash-bob"},
]
ADDRESS: Final = {"line1": "1 rue des Lilas", "postal_code": "74300", "city": "Cluses", "country": "FR"}


def at(minutes: int, seconds: float = 0.0) -> str:
    """An instant after 2026-01-01T00:00Z."""
    return rfc3339.write(rfc3339.parse("2026-01-01T00:00:00Z") + round((minutes * 60 + seconds) * 1000))


def line(when: str, topic: str, value: Any, key: Any = ABSENT) -> bytes:
    """An input line."""
    fields = {"at": when, "topic": topic, "value": value} | ({} if key is ABSENT else {"key": key})
    return json.dumps(fields).encode() + b"\n"


def site(when: str, site_id: str = "S1", **fields: Any) -> bytes:
    """A site that is ready: two contacts, an address, one partner."""
    value = {
        "site_id": site_id,
        "subscribed": True,
        "contacts": CONTACTS,
        "address": ADDRESS,
        "intervention": {"partners": ["P1"]},
        "updated_at": when,
    }
    return line(when, "sites", value | fields)


def alert(when: str, alert_id: str = "A1", site_id: str = "S1", **fields: Any) -> bytes:
    """An intrusion, raised when it comes."""
    value = {"alert_id": alert_id, "site_id": site_id, "kind": "INTRUSION", "raised_at": when}
    return line(when, "alerts", value | fields)


def callback(when: str, result_id: str = "R1", site_id: str = "S1", **fields: Any) -> bytes:
    """The customer calls, and is not who should."""
    value = {
        "result_id": result_id,
        "site_id": site_id,
        "direction": "INBOUND",
        "outcome": "NOT_IDENTIFIED",
        "situation": "NORMAL",
        "ended_at": when,
    }
    return line(when, "call-results", value | fields)


def played(lines: Iterable[bytes], until: str | None = None) -> list[Fields]:
    """The output records of the lines, as a program reads them."""
    records = play(lines, DEFAULTS, None if until is None else rfc3339.parse(until))
    return [json.loads(render(record)) for record in records]


def told(records: Iterable[Fields]) -> list[str]:
    """Each record in a word or two: a decision by its rule, a dead letter by its reason, with time and site."""
    return [
        f"{record['at'][11:19]} {record['key']} {record['topic']}"
        + "".join(f" {record['value'][name]}" for name in ("rule", "reason") if name in (record["value"] or {}))
        for record in records
    ]
