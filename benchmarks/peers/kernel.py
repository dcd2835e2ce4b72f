"""What every contender in Python computes: "open and merge", its values and its wire format.

Avro behind a prefix of five bytes, read and written by fastavro as dicts. Contenders take one command line.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import struct
import time
from typing import Any, Final, NamedTuple, cast

from fastavro import parse_schema, schemaless_reader, schemaless_writer


def _record(name: str, **fields: Any) -> Any:
    return parse_schema({"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields.items()]})


_STRINGS: Final = {"type": "array", "items": "string"}
_KIND: Final = {"type": "enum", "name": "Kind", "symbols": ["INTRUSION", "DURESS", "TAMPER", "FIRE"]}

ALERT: Final = _record(
    "Alert", alert_id="string", site_id="string", kind=_KIND, raised_at="long", zone=["null", "string"]
)
CALL: Final = _record(
    "CallCommand", command_id="string", incident_id="string", site_id="string", contact_id="string", round="int",
    position="int", issued_at="long", expires_at="long", reason="string",
)  # fmt: skip
STATE: Final = _record(
    "Incident", incident_id="string", site_id="string", phase="int", round="int", position="int", deadline="long",
    version="int", alerts=_STRINGS, contacts=_STRINGS,
)  # fmt: skip
DECISION: Final = _record(
    "Decision", incident_id="string", version="int", at="long", event="string", event_id="string", reason="string",
    from_phase="int", to_phase="int",
)  # fmt: skip

PREFIX: Final = b"\x00" + struct.pack(">I", 1)
CALL_MS: Final = 120_000
REMEMBERED: Final = 20  # alert ids an incident remembers


def encode(schema: Any, value: dict[str, Any]) -> bytes:
    """A dict as the bytes of a value."""
    out = io.BytesIO()
    out.write(PREFIX)
    schemaless_writer(out, schema, value)
    return out.getvalue()


def decode(schema: Any, data: bytes) -> dict[str, Any]:
    """The bytes of a value as a dict."""
    stream = io.BytesIO(data)
    stream.seek(len(PREFIX))
    return cast("dict[str, Any]", schemaless_reader(stream, schema, None))


def identity(*parts: object) -> str:
    """An id that follows from what it names."""
    return hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=16).hexdigest()


class Step(NamedTuple):
    """What an alert makes of a site: what to write, each None where there is nothing to write."""

    incident: dict[str, Any] | None
    call: dict[str, Any] | None
    decision: dict[str, Any] | None


def step(incident: dict[str, Any] | None, alert: dict[str, Any], now: int) -> Step:
    """A site's open incident, if any, and an alert at ``now`` (ms). The incident given may be changed in place."""
    site, alert_id = alert["site_id"], alert["alert_id"]
    if incident is None:
        incident_id = identity(site, alert_id)
        opened = {
            "incident_id": incident_id, "site_id": site, "phase": 1, "round": 1, "position": 0,
            "deadline": now + CALL_MS, "version": 1, "alerts": [alert_id], "contacts": ["c1", "c2"],
        }  # fmt: skip
        call = {
            "command_id": identity(incident_id, 1, 0), "incident_id": incident_id, "site_id": site, "contact_id": "c1",
            "round": 1, "position": 0, "issued_at": now, "expires_at": now + CALL_MS, "reason": "first-round",
        }  # fmt: skip
        return Step(opened, call, _decision(opened, alert_id, now, "opened", 0))
    if alert_id in incident["alerts"]:
        return Step(None, None, None)
    incident["alerts"].append(alert_id)
    if len(incident["alerts"]) > REMEMBERED:
        incident["alerts"].pop(0)
    incident["version"] += 1
    return Step(incident, None, _decision(incident, alert_id, now, "merged", 1))


def _decision(incident: dict[str, Any], alert_id: str, now: int, reason: str, from_phase: int) -> dict[str, Any]:
    return {
        "incident_id": incident["incident_id"], "version": incident["version"], "at": now, "event": "alert",
        "event_id": alert_id, "reason": reason, "from_phase": from_phase, "to_phase": 1,
    }  # fmt: skip


def now_ms() -> int:
    """The wall clock."""
    return int(time.time() * 1000)


def arguments(**extra: Any) -> argparse.Namespace:
    """The command line that every contender takes, and options of its own by their defaults.

    ``--bootstrap`` an address, ``--group`` a consumer group, ``--alerts``, ``--calls``, ``--decisions`` and
    ``--state`` topics, ``--dir`` a folder for what it keeps on disk.
    """
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "group", "alerts", "calls", "decisions", "state", "dir"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--partitions", type=int, default=6)
    for name, default in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    return parser.parse_args()
