"""A record's leaf: its fields, the salts of their commitments, and whose secret these are derived from."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from schemas.avro.framing import CONFLUENT, CONFLUENT_SIZE, SINGLE_OBJECT_SIZE, confluent_id, single_object
from schemas.avro.loader import load, released
from schemas.contract.topics import TOPICS
from seal.proofs import Place, commitment, leaf_data, leaf_hash, read_value
from seal.splitting import Split, splitter

SEALED: Final = (
    "decisions", "calls", "call-results", "dispatches", "dispatch-reports", "operator-actions", "alerts", "attention",
    "signals", "quarantine",
)  # fmt: skip
# Fields that a contact's secret covers; all others, and those of records that name no contact, are the site's.
CONTACT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "calls": ("contact_id", "contact_name", "phone", "language"),
    "call-results": ("contact_id", "detail"),
}
# Of a site and a contact (empty: the site's own), for a record of a time; None: destroyed.
Secret: TypeAlias = Callable[[str, str, int], bytes | None]


class Message(Protocol):
    """A record of a topic, ``topic`` without prefix."""

    @property
    def topic(self) -> str:
        """Its topic."""
        ...

    @property
    def partition(self) -> int:
        """Its partition."""
        ...

    @property
    def offset(self) -> int:
        """Its offset."""
        ...

    @property
    def timestamp(self) -> int:
        """Kafka's timestamp, ms since 1970, UTC."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value."""
        ...

    @property
    def headers(self) -> Any:
        """Its headers."""
        ...


class SaltedField(NamedTuple):
    """A field with its salt; None: the secret is destroyed."""

    name: str
    data: bytes
    salt: bytes | None
    is_personal: bool


class Leaf(NamedTuple):
    """A record's leaf, with what opens it."""

    place: Place
    schema: str  # the fingerprint of the schema that wrote it, in hex; empty: it does not decode
    fields: list[SaltedField]


class Commitments:
    """Splits records into fields. ``registry`` finds the schema of an id, where values are framed for one."""

    def __init__(self, secret: Secret, registry: Callable[[int], Any] | None = None) -> None:
        self._secret = secret
        self._registry = registry
        self.schemas: dict[str, Any] = {}  # those met, by fingerprint
        self._by_header: dict[str, dict[bytes, Any]] = {}

    def leaf(self, message: Message) -> Leaf:
        """Return the leaf of a record."""
        place = Place(message.topic, message.partition, message.offset, message.timestamp)
        schema, fields = self._split(message)
        site_id = (message.key or b"").decode(errors="replace")
        contact_id = _contact(message.topic, fields)
        personal = CONTACT_FIELDS.get(message.topic, ()) if contact_id else ()
        whole = [("key", message.key or b""), ("headers", _headers(message.headers)), *fields]
        site = self._secret(site_id, "", message.timestamp)
        contact = self._secret(site_id, contact_id, message.timestamp) if personal else None
        salted = f"{place.topic}\0{place.partition}\0{place.offset}\0"
        opened = []
        for name, data in whole:
            is_personal = name in personal
            secret = contact if is_personal else site
            salt = None if secret is None else hmac.digest(secret, f"{salted}{name}".encode(), "sha256")
            opened.append(SaltedField(name, data, salt, is_personal))
        return Leaf(place, schema, opened)

    def _split(self, message: Message) -> tuple[str, list[tuple[str, bytes]]]:
        """Return the schema's fingerprint and the fields; a value that does not decode is a field of its own."""
        value = message.value or b""
        size = CONFLUENT_SIZE if value[:1] == CONFLUENT else SINGLE_OBJECT_SIZE
        schema = self._schema(message.topic, value[:size])
        if schema is not None:
            try:
                fields = schema[1](value, size)
            except (ValueError, IndexError):
                pass
            else:
                return schema[0], fields
        return "", [("value", value)]

    def _schema(self, topic: str, header: bytes) -> tuple[str, Split] | None:
        known = self._by_header.get(topic)
        if known is None:
            name = TOPICS[topic].schema or ""
            versions = [load(name), *released(name).values()]
            known = {single_object(version): self._known(version) for version in versions}
            self._by_header[topic] = known
        if header not in known and header[:1] == CONFLUENT and len(header) == CONFLUENT_SIZE and self._registry:
            known[header] = self._known(self._registry(confluent_id(header)))
        return known.get(header)

    def _known(self, schema: Any) -> tuple[str, Split] | None:
        if not isinstance(schema, dict) or schema.get("type") != "record":
            return None
        fingerprint = single_object(schema)[2:].hex()
        self.schemas[fingerprint] = schema
        return fingerprint, splitter(schema)


def seal(leaf: Leaf) -> tuple[bytes, bytes | None]:
    """Return a leaf's hash, and the commitments of its contact's fields.

    A field whose secret is destroyed gets a salt that nobody keeps.
    """
    made = [(one.name, commitment(one.salt or os.urandom(32), one.data), one.is_personal) for one in leaf.fields]
    hashed = leaf_hash(leaf_data(leaf.place, leaf.schema, [(name, value) for name, value, _ in made]))
    personal = b"".join(value for _, value, is_personal in made if is_personal)
    return hashed, personal or None


def _contact(topic: str, fields: list[tuple[str, bytes]]) -> str:
    """Return the contact that a record names; empty: none."""
    if topic not in CONTACT_FIELDS:
        return ""
    data = dict(fields).get("contact_id", b"")
    is_optional = topic == "call-results"
    if len(data) < 2:
        return ""
    return str(read_value(["null", "string"] if is_optional else "string", data, 0)[0] or "")


def _headers(headers: Any) -> bytes:
    return b"".join(
        len(part).to_bytes(4, "big") + part
        for name, value in headers or ()
        for part in (name.encode(errors="surrogateescape"), value.encode() if isinstance(value, str) else value or b"")
    )
