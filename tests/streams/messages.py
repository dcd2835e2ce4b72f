"""Records as the broker hands them out, made by hand: what the stages are given in their tests."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from schemas.avro.records import encode
from schemas.contract.murmur2 import partition as partition_of
from streams.formats.codec import Codec
from streams.formats.message import Headers
from streams.pipeline.decode import Decoder
from streams.settings import load

SETTINGS: Final = load(None, {})
SITE: Final = "site-1"
CODEC: Final = Codec()
DECODER: Final = Decoder(CODEC, SETTINGS)
SITE_RECORDS: Final = DECODER.site_records
NUMBER: Final = partition_of(SITE.encode(), SETTINGS.topics.partitions)


class Logged(NamedTuple):
    """A record; the fields end in an underscore, as a message's are functions."""

    key_: bytes | None
    value_: bytes | None
    offset_: int = 0
    timestamp_: int = 0
    headers_: Headers | None = None
    topic_: str = ""

    def topic(self) -> str:
        return self.topic_

    def partition(self) -> int:
        return NUMBER

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def offset(self) -> int:
        return self.offset_

    def timestamp(self) -> tuple[int, int]:
        return 1, self.timestamp_

    def headers(self) -> Headers | None:
        return self.headers_


def elsewhere() -> str:
    """A site id that does not belong to ``NUMBER``."""
    partitions = SETTINGS.topics.partitions
    return next(name for name in map(str, range(100)) if partition_of(name.encode(), partitions) != NUMBER)


def site(name: str = SITE, **fields: Any) -> bytes:
    """A site record: ready, one contact."""
    contact = {"contact_id": "c", "role": "OWNER", "phone": "+33600000001", "password_hash": "x"}
    address = {"line1": "1 rue X", "postal_code": "75001", "city": "Paris", "country": "FR"}
    value = {"site_id": name, "subscribed": True, "contacts": [contact], "address": address, "updated_at": 0}
    return encode("Site", {**value, **fields})


def alert(alert_id: str, name: str = SITE, **fields: Any) -> bytes:
    """An alert of an intrusion."""
    return encode("Alert", {"alert_id": alert_id, "site_id": name, "kind": "INTRUSION", "raised_at": 0, **fields})
