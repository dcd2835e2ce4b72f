"""Records that a stranger may write: any bytes in every place, good values damaged, schemas that nobody foresaw."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from schemas import load
from schemas.contract.murmur2 import partition
from schemas.contract.topics import INPUT_TOPICS, TOPICS
from tests.faults.bench import now_ms
from tests.faults.desks import ADDRESS
from tests.faults.records import Value, encode
from tests.faults.registry import Registry
from tests.kafka.raw import RawRecord
from tests.schemas.test_strangers import HOSTILE

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
FIRST_STRANGE_ID: Final = 1000
STRANGE_IDS: Final = 200
LARGEST: Final = 6_000_000  # bytes, of what compresses well
_TEXTS: Final = ("", " ", "a\0b", "\x1b[31m", "\u202e", "é" * 200, "x" * 9000, "\ufeff", "٣", "\U0010ffff", "a,b;\t\\N")
_INSTANTS: Final = (0, -1, 1, 2**63 - 1, -(2**63), 253_402_300_800_000, 9_224_318_015_999_999, 10**15, -(10**14))
_NAMES: Final = (b"", b"\xff\xfe", b"\xc3", b"a\0b", b"dlq.topic", b"dlq.cut", b"dlq.replayed-from", b"trace")
_TYPES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string", "Alert", "Nobody", 7, None)
_LOGICAL: Final = (
    "timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis", "date", "decimal", "uuid",
)  # fmt: skip


class Strangers:
    """Makes records by ``dice``, for some sites that are well known, on topics of so many partitions."""

    def __init__(self, dice: random.Random, prefix: str, partitions: int, registry: Registry) -> None:
        self._dice = dice
        self._prefix = prefix
        self._partitions = partitions
        self._registry = registry
        self.sites = [f"site-{number}" for number in range(12)]
        self._written: list[bytes] = [b"\0"]
        for number in range(STRANGE_IDS):
            registry.put(FIRST_STRANGE_ID + number, self._schema_text())

    def household(self) -> list[RawRecord]:
        """The sites as they should be: alerts find something."""
        return [self._record("sites", site, encode("sites", self._value("sites", site))) for site in self.sites]

    def record(self) -> RawRecord:
        """Any record."""
        dice = self._dice
        topic = dice.choices(INPUT_TOPICS, (1, 4, 2, 2, 2))[0]
        site = dice.choice(self.sites)
        key = dice.choices(
            (site.encode(), self._bytes(30), None, b"", b"k" * dice.choice((10_000, LARGEST))), (40, 3, 1, 1, 0.3)
        )[0]
        number = dice.choices((partition(key or b"", self._partitions), dice.randrange(self._partitions)), (12, 1))[0]
        return RawRecord(
            f"{self._prefix}{topic}", number, key, self._any_value(topic, site), self._headers(), self._timestamp()
        )

    def _record(self, topic: str, site: str, value: bytes) -> RawRecord:
        key = site.encode()
        return RawRecord(f"{self._prefix}{topic}", partition(key, self._partitions), key, value)

    # --- values -----------------------------------------------------------------------------------

    def _any_value(self, topic: str, site: str) -> bytes | None:
        dice = self._dice
        makers: Sequence[tuple[float, Callable[[], bytes | None]]] = (
            (8, lambda: self._encoded(topic, site)),
            (6, lambda: self._damaged(self._encoded(topic, site))),
            (4, lambda: self._framed(self._encoded(topic, site)[10:])),
            (2, lambda: self._framed(self._bytes(60))),
            (2, lambda: self._bytes(200)),
            (1, lambda: None),
            (0.5, lambda: self._encoded(dice.choice(INPUT_TOPICS), site)),
            (0.3, lambda: dice.choice((b"\0", b"\xc3\x01", b"x")) * dice.randrange(LARGEST)),
        )
        value = dice.choices([make for _, make in makers], [weight for weight, _ in makers])[0]()
        if value is not None and len(value) < 1000:
            self._written = [*self._written[-50:], value]
        return value

    def _encoded(self, topic: str, site: str) -> bytes:
        value = self._value(topic, site)
        for name, before in value.items():
            if self._dice.random() < 0.04:
                value[name] = self._strange(name, before)
        return encode(topic, value)

    def _framed(self, data: bytes) -> bytes:
        number = self._dice.choices(
            (
                self._dice.randrange(FIRST_STRANGE_ID, FIRST_STRANGE_ID + STRANGE_IDS),
                self._dice.randrange(1, 8),
                self._dice.randrange(2**32),
            ),
            (10, 4, 1),
        )[0]
        return b"\0" + number.to_bytes(4, "big") + data

    def _damaged(self, data: bytes) -> bytes:
        dice = self._dice
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(damaged) + 1)
            kind = dice.randrange(5)
            if kind == 0 and damaged:
                damaged[at % len(damaged)] ^= 1 << dice.randrange(8)
            elif kind == 1:
                del damaged[at:]
            elif kind == 2:
                damaged[at:at] = dice.choice(
                    (b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x10", dice.randbytes(dice.randrange(20)))
                )
            elif kind == 3:
                other = dice.choice(self._written)
                damaged[at:at] = other[dice.randrange(len(other) + 1) :]
            else:
                damaged += dice.randbytes(dice.randrange(30))
        return bytes(damaged)

    def _strange(self, name: str, before: Any) -> Any:
        dice = self._dice
        if name.endswith(("_at", "_until")):
            return dice.choice(_INSTANTS)
        if name == "contacts":
            return before * dice.choice((0, 2, 3000))
        return dice.choice(_TEXTS) if isinstance(before, str) and before.islower() else before

    def _value(self, topic: str, site: str) -> Value:
        dice = self._dice
        name, now = f"{topic}-{dice.getrandbits(40)}", now_ms()
        kind, action = dice.choice(("INTRUSION", "FIRE", "OTHER")), dice.choice(("CLOSE", "DISPATCH"))
        incident = dice.choice((None, f"{site}-1", "nobody"))
        contact = {
            "contact_id": f"{site}-1", "role": "OWNER", "first_name": "ada", "last_name": "lovelace",
            "phone": "+33639980001", "password_hash": "hash", "duress_hash": None, "language": None,
        }  # fmt: skip
        values: dict[str, Value] = {
            "sites": {
                "site_id": site, "subscribed": True, "contacts": [contact], "address": ADDRESS, "instructions": "ring",
                "intervention": {"enabled": True, "partners": ["p1"]}, "test_until": None, "updated_at": now,
            },
            "alerts": {
                "alert_id": name, "site_id": site, "kind": kind, "raised_at": now,
                "zone": "hall", "detail": "door", "source": "r1",
            },
            "call-results": {
                "result_id": name, "site_id": site, "incident_id": incident, "command_id": None, "contact_id": None,
                "direction": "INBOUND", "outcome": dice.choice(("IDENTIFIED", "WRONG_CODE", "DURESS_CODE")),
                "situation": dice.choice(("NORMAL", "UNKNOWN")), "message_left": False, "detail": "busy",
                "operator": "olga", "ended_at": now,
            },
            "dispatch-reports": {
                "report_id": name, "site_id": site, "incident_id": incident or "nobody", "dispatch_id": f"{site}-d1",
                "partner_id": "p1", "status": dice.choice(("ACCEPTED", "CLOSED")), "disposition": "calm",
                "reason": "far", "reported_at": now,
            },
            "operator-actions": {
                "action_id": name, "site_id": site, "incident_id": incident, "action": action,
                "reason": "looked", "operator": "olga", "taken_at": now,
            },
        }  # fmt: skip
        return values[topic]

    # --- what is around a value --------------------------------------------------------------------

    def _bytes(self, most: int) -> bytes:
        return self._dice.randbytes(self._dice.randrange(most + 1))

    def _headers(self) -> list[tuple[bytes, bytes | None]]:
        dice = self._dice
        count = dice.choices((0, dice.randrange(1, 6), 2000, 100_001), (30, 10, 0.3, 0.02))[0]
        if count > 100:
            return [(dice.choice(_NAMES), b"v")] * count
        header: list[tuple[bytes, bytes | None]] = []
        for _ in range(count):
            name = dice.choice((dice.choice(_NAMES), self._bytes(20)))
            value = dice.choices((self._bytes(40), None, b"h" * dice.randrange(LARGEST)), (10, 2, 0.2))[0]
            header.append((name, value))
        return header

    def _timestamp(self) -> int:
        now = now_ms()
        times = (0, -1, 1, now - 10**11, now + 50 * 60_000, now + 10**11, 2**62)
        return self._dice.choices(times, (40, 2, 2, 2, 2, 1, 1))[0]

    # --- schemas ----------------------------------------------------------------------------------

    def _schema_text(self) -> str:
        dice = self._dice
        kind = dice.randrange(6)
        if kind == 0:
            return json.dumps(dice.choice(list(HOSTILE.values())))
        if kind == 1:
            return dice.choice(("", "[" * 50_000, "{", "null", '"\\ud800"', " " * 2_000_000, "\x00", "[]", "-1e999"))
        if kind == 2:
            return json.dumps(self._schema(4))
        schema: Any = load(TOPICS[dice.choice(INPUT_TOPICS)].schema or "")
        for _ in range(dice.randint(0, 3)):
            self._change(schema)
        return json.dumps(schema)

    def _change(self, schema: Any) -> None:
        """Replace something, somewhere within."""
        dice, at = self._dice, schema
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                return
            key = dice.choice(keys)
            if isinstance(at[key], dict | list) and dice.random() < 0.8:
                at = at[key]
                continue
            if isinstance(at, dict) and at.get("type") == "long" and dice.random() < 0.5:
                at["logicalType"] = dice.choice(_LOGICAL)
            elif dice.random() < 0.3:
                del at[key]
            else:
                at[key] = self._schema(2)
            return

    def _schema(self, depth: int) -> Any:
        dice = self._dice
        if depth == 0 or dice.random() < 0.3:
            return dice.choice(_TYPES)
        inner = [self._schema(depth - 1) for _ in range(dice.randrange(4))]
        name = dice.choice(("Alert", "Site", "X", "a b", "", "\ud800", 7, "AlertKind"))
        return dice.choice(
            (
                inner,
                {"type": "array", "items": inner[:1] and inner[0]},
                {"type": "map", "values": inner[:1] and inner[0]},
                {"type": "fixed", "name": name, "size": dice.choice((0, 1, -1, "x", 2**40, 10**30, 1.5))},
                {"type": "enum", "name": name, "symbols": dice.choice((["A"], [], "AB", [7], ["A", "A"]))},
                {
                    "type": dice.choice(("int", "long", "bytes", "string")),
                    "logicalType": dice.choice((*_LOGICAL, 7, [])),
                },
                {
                    "type": dice.choice(("record", "error")),
                    "name": name,
                    "fields": [
                        {"name": dice.choice(("x", "site_id", "alert_id", "\n", 7)), "type": one} for one in inner
                    ],
                },
            )
        )
