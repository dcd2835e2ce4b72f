"""Records that must not be handled, each with the reason it is a dead letter for (contracts.md, Wire format)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.contract.murmur2 import partition
from schemas.contract.topics import INPUT_TOPICS
from tests.faults.desks import ADDRESS
from tests.faults.load import Journal
from tests.faults.records import Value, encode
from tests.support.times import START

LARGE: Final = 999_900  # bytes of a value; on an input topic a record may have 1,000,000 with all that is around it
LONG: Final = "x" * 10_000
NOBODY: Final = {
    "contact_id": "",
    "role": "EXTERNAL",
    "first_name": None,
    "last_name": None,
    "phone": None,
    "password_hash": None,
    "duress_hash": None,
    "language": None,
}


class Poison(NamedTuple):
    """One record: ``partition`` None is its key's own."""

    topic: str
    key: bytes | None
    value: bytes | None
    end: str
    what: str
    partition: int | None = None


def poison(dice: random.Random, sites: list[str], partitions: int) -> Iterator[Poison]:
    """One of every kind on every topic, on sites that live."""
    for topic in INPUT_TOPICS:
        site = dice.choice(sites)
        key, good = site.encode(), _good(topic, site)
        data = encode(topic, good)
        for what, value in (
            ("noise", dice.randbytes(40)),
            ("nothing", b""),
            ("an unknown schema", b"\xc3\x01" + dice.randbytes(8) + data[10:]),
            ("an unknown schema id", b"\x00\x00\x00\x27\x0f" + data[10:]),
            ("a value cut off", data[:-3]),
            ("much noise", dice.randbytes(LARGE)),
        ):
            yield Poison(topic, key, value, "UNDECODABLE", what)
        if topic != "sites":
            yield Poison(topic, key, None, "UNDECODABLE", "a tombstone")
            yield Poison(topic, None, data, "KEY_MISMATCH", "no key")  # a compacted topic takes none
        for what, other in (("another key", b"another"), ("a key that is no text", b"\xff\xfe")):
            yield Poison(topic, other, data, "KEY_MISMATCH", what)
        own = _own_id(topic)
        for what, name, end in (("an empty id", " ", "EMPTY_ID"), ("an id of 10 kB", LONG, "TOO_LONG")):
            yield Poison(
                topic, name.encode() if own == "site_id" else key, encode(topic, {**good, own: name}), end, what
            )
        long = _text(topic)
        rest = LARGE - len(encode(topic, {**good, long: ""})) - 2  # its length takes three bytes, not one
        yield Poison(topic, key, encode(topic, {**good, long: "x" * rest}), "TOO_LONG", "a text of 999,900 bytes")
        elsewhere = (partition(key, partitions) + 1) % partitions
        yield Poison(topic, key, data, "WRONG_PARTITION", "the wrong partition", elsewhere)
    site = dice.choice(sites)
    # Each of its contacts lacks all that a contact may lack, and its readiness would tell so.
    crowd = encode("sites", {**_good("sites", site), "contacts": [NOBODY] * 100_000})
    yield Poison("sites", site.encode(), crowd, "FAILED", "a site of 100,000 contacts")
    nameless = {**_good("operator-actions", site), "action": "CLOSE", "incident_id": None}
    yield Poison(
        "operator-actions", site.encode(), encode("operator-actions", nameless), "EMPTY_ID", "a nameless close"
    )


def spread(journal: Journal, dice: random.Random, sites: list[str], partitions: int) -> int:
    """Send it all, in any order, with headers that must be kept; how many."""
    records = list(poison(dice, sites, partitions))
    dice.shuffle(records)
    for topic, key, value, end, what, elsewhere in records:
        number = partition(key or b"", partitions) if elsewhere is None else elsewhere
        headers: list[tuple[str, str | bytes | None]] = [("from", what), ("from", b"\xff\x00"), ("none", None)]
        if value is not None and len(value) == LARGE:
            headers = []  # the record would be larger than its topic takes
        journal.send(topic, key, value, f"{what} on {topic}", end=end, partition=number, headers=headers)
        journal.poll()
    return len(records)


def _good(topic: str, site: str) -> Value:
    """A value that says nothing new to anybody: any that got through would show."""
    values: dict[str, Value] = {
        "sites": {
            "subscribed": False,
            "contacts": [],
            "address": ADDRESS,
            "instructions": None,
            "intervention": {"enabled": True, "partners": []},
            "test_until": None,
            "updated_at": START,
        },
        "alerts": {
            "alert_id": "poison",
            "kind": "INTRUSION",
            "raised_at": START,
            "zone": None,
            "detail": None,
            "source": None,
        },
        "call-results": {
            "result_id": "poison",
            "incident_id": "poison",
            "command_id": None,
            "contact_id": None,
            "direction": "INBOUND",
            "outcome": "NO_ANSWER",
            "situation": "NORMAL",
            "message_left": False,
            "detail": None,
            "operator": None,
            "ended_at": START,
        },
        "dispatch-reports": {
            "report_id": "poison",
            "incident_id": "poison",
            "dispatch_id": "poison",
            "partner_id": "poison",
            "status": "CLOSED",
            "disposition": None,
            "reason": None,
            "reported_at": START,
        },
        "operator-actions": {
            "action_id": "poison",
            "incident_id": "poison",
            "action": "CLOSE",
            "reason": "poison",
            "operator": "poison",
            "taken_at": START,
        },
    }
    return {"site_id": site, **values[topic]}


def _own_id(topic: str) -> str:
    return next(
        (name for name in ("alert_id", "result_id", "report_id", "action_id") if name in _good(topic, "")), "site_id"
    )


def _text(topic: str) -> str:
    return next(name for name in ("detail", "instructions", "disposition", "reason") if name in _good(topic, ""))
